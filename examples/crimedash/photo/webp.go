package photo

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A WebP is a RIFF file: a header of twelve bytes, then chunks of a name of four bytes,
// a length and content, filled up to an even length (RFC 9649 section 2).
const (
	riffHeader  = 12
	chunkHeader = 8
	maxChunks   = 10_000 // an animation has one for each picture
)

// Bits of the first byte of the chunk VP8X, which says what else there is.
const (
	hasICC  = 0x20
	hasExif = 0x08
	hasXMP  = 0x04
)

// seen are the chunks that make up what can be seen. All others go: Exif, XMP, colour
// profiles and what nobody knows.
var seen = map[string]bool{"VP8 ": true, "VP8L": true, "VP8X": true, "ALPH": true, "ANIM": true, "ANMF": true}

func isWebP(raw []byte) bool {
	return len(raw) >= riffHeader && string(raw[:4]) == "RIFF" && string(raw[8:12]) == "WEBP"
}

// cleanWebP cuts out the chunks that are not seen, and finds a file that was cut short. It
// does not look into the pictures.
func cleanWebP(raw []byte) ([]byte, error) {
	size := uint64(binary.LittleEndian.Uint32(raw[4:])) + 8 // which counts from behind itself
	if size > uint64(len(raw)) || size < riffHeader {
		return nil, fmt.Errorf("%w: the WebP has %d bytes and says %d", ErrBroken, len(raw), size)
	}
	out := bytes.NewBuffer(append(make([]byte, 0, size), raw[:riffHeader]...))
	pictures := 0
	rest := raw[riffHeader:size]
	for n := 0; len(rest) > 0; n++ {
		if len(rest) < chunkHeader || n == maxChunks {
			return nil, fmt.Errorf("%w: a WebP with an odd end", ErrBroken)
		}
		name, length := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		end := chunkHeader + length + length%2
		if end > uint64(len(rest)) {
			return nil, fmt.Errorf("%w: chunk %q of a WebP is cut short", ErrBroken, name)
		}
		chunk := rest[:end]
		rest = rest[end:]
		if !seen[name] {
			continue
		}
		start := out.Len()
		out.Write(chunk)
		switch name {
		case "VP8X":
			if length < 10 {
				return nil, fmt.Errorf("%w: chunk VP8X of a WebP is too short", ErrBroken)
			}
			if err := checkCanvas(chunk[chunkHeader:]); err != nil {
				return nil, err
			}
			out.Bytes()[start+chunkHeader] &^= hasICC | hasExif | hasXMP
		case "VP8 ", "VP8L", "ANMF":
			pictures++
		}
	}
	if pictures == 0 {
		return nil, fmt.Errorf("%w: a WebP without a picture", ErrBroken)
	}
	clean := out.Bytes()
	binary.LittleEndian.PutUint32(clean[4:], uint32(len(clean)-8))
	return clean, nil
}

// checkCanvas looks at the size that VP8X says, less one, in 24 bits each. What has no
// VP8X has at most 2^14 pixels a side, and browsers know what to do with it.
func checkCanvas(content []byte) error {
	little := func(b []byte) uint64 { return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 }
	width, height := little(content[4:])+1, little(content[7:])+1
	if width*height > MaxPixels {
		return fmt.Errorf("%w: %d × %d", ErrPixels, width, height)
	}
	return nil
}
