package photo

import (
	"bytes"
	"encoding/binary"
	"image"
)

// turn is how a picture is stored, as the tag Orientation of Exif numbers it (CIPA DC-008,
// section 4.6.4): from 1, which is upright, to 8. Cameras store what their sensor sees,
// and note how they were held.
type turn int

const upright turn = 1

// size returns that of the picture when it is upright.
func (t turn) size(width, height int) image.Point {
	if t >= 5 { // it lies on its side
		return image.Pt(height, width)
	}
	return image.Pt(width, height)
}

// point returns where a stored point is when the picture is upright.
func (t turn) point(x, y, width, height int) image.Point {
	right, bottom := width-1-x, height-1-y
	switch t {
	case 2:
		return image.Pt(right, y)
	case 3:
		return image.Pt(right, bottom)
	case 4:
		return image.Pt(x, bottom)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(bottom, x)
	case 7:
		return image.Pt(bottom, right)
	case 8:
		return image.Pt(y, right)
	}
	return image.Pt(x, y)
}

const (
	markerScan       = 0xda // the picture itself begins
	markerEnd        = 0xd9
	markerApp1       = 0xe1 // Exif is in one of these
	tagOrientation   = 0x0112
	typeShort        = 3
	entryBytes       = 12
	headerBytes      = 8
	exifPreface      = "Exif\x00\x00"
	maxEntries       = 512
	littleEndianMark = "II*\x00"
	bigEndianMark    = "MM\x00*"
)

// orientation finds the turn of a JPEG. Whatever is odd about the metadata means upright.
func orientation(raw []byte) turn {
	for rest := raw[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker := rest[1]
		if marker == 0xff { // a byte to fill a gap
			rest = rest[1:]
			continue
		}
		if marker == markerScan || marker == markerEnd {
			break
		}
		length := int(binary.BigEndian.Uint16(rest[2:])) // with itself, without the marker
		if length < 2 || 2+length > len(rest) {
			break
		}
		segment := rest[4 : 2+length]
		if exif, ok := bytes.CutPrefix(segment, []byte(exifPreface)); ok && marker == markerApp1 {
			return turnOf(exif)
		}
		rest = rest[2+length:]
	}
	return upright
}

// turnOf reads the tag in the first directory of the TIFF file that Exif is.
func turnOf(exif []byte) turn {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(exif, []byte(littleEndianMark)):
		order = binary.LittleEndian
	case bytes.HasPrefix(exif, []byte(bigEndianMark)):
		order = binary.BigEndian
	default:
		return upright
	}
	if len(exif) < headerBytes {
		return upright
	}
	offset := uint64(order.Uint32(exif[4:]))
	if offset+2 > uint64(len(exif)) {
		return upright
	}
	directory := exif[offset:]
	entries := directory[2:]
	for range min(order.Uint16(directory), maxEntries) {
		if len(entries) < entryBytes {
			break
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if t := turn(order.Uint16(entries[8:])); t >= upright && t <= 8 {
				return t
			}
			break
		}
		entries = entries[entryBytes:]
	}
	return upright
}
