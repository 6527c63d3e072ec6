package middleware

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/redstart-go/redstart/internal/transfer"
)

// coding is a content coding with its encoders. It is a redstart.BodyEncoding for any
// number of replies at once.
type coding struct {
	header    []string // the value of Content-Encoding
	encoders  sync.Pool
	constants constants
}

// encoder is what the three packages' encoders have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// The levels are where each algorithm still compresses as fast as a network takes it.
// The windows bound what an encoder holds on to, which counts for streams: a browser
// takes up to 8 MiB for Zstandard (RFC 9659), and pages gain nothing by that.
const (
	gzipLevel    = 5
	brotliLevel  = 4
	brotliWindow = 18 // the binary logarithm: 256 KiB
	zstdWindow   = 256 << 10
)

// newCoding panics for a name that it does not know.
func newCoding(name string) *coding {
	var create func() encoder
	switch name {
	case "gzip":
		create = func() encoder {
			w, _ := gzip.NewWriterLevel(nil, gzipLevel) // fails for other levels
			return w
		}
	case "br":
		create = func() encoder {
			return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliLevel, LGWin: brotliWindow})
		}
	case "zstd":
		create = func() encoder {
			// One at a time, so that an encoder which is let go of leaves no goroutine.
			w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow),
				zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
			if err != nil {
				panic(fmt.Sprintf("middleware: Compress: %v", err)) // the options are constants
			}
			return w
		}
	default:
		misuse("Compress", `Codings: %q is not known: want "zstd", "br" or "gzip"`, name)
	}
	return &coding{header: []string{name}, encoders: sync.Pool{New: func() any { return create() }}}
}

// Encode implements redstart.BodyEncoding.
func (c *coding) Encode(dst, body []byte, constant bool) ([]byte, error) {
	if constant {
		return c.constants.get(body, func() ([]byte, error) { return c.appendTo(nil, body) })
	}
	return c.appendTo(dst, body)
}

func (c *coding) appendTo(dst, body []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	w := c.Writer(buf)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Writer implements redstart.BodyEncoding.
func (c *coding) Writer(w io.Writer) transfer.EncodingWriter {
	e := c.encoders.Get().(encoder)
	e.Reset(w)
	return &pooledEncoder{encoder: e, coding: c}
}

// pooledEncoder gives its encoder back when the body is complete. One of a body that
// broke off is left to the garbage collector.
type pooledEncoder struct {
	encoder
	coding *coding
}

func (p *pooledEncoder) Close() error {
	err := p.encoder.Close()
	p.Reset(nil)
	p.coding.encoders.Put(p.encoder)
	return err
}

// constants are the encoded forms of bodies that never change, by where these are in
// memory. The key keeps the body there.
type constants struct {
	mu    sync.Mutex
	forms map[constant]func() ([]byte, error)
}

type constant struct {
	data *byte
	size int
}

// mostConstants bounds the forms that are kept: an application has a few constant
// replies, unless it makes new ones all the time, which are then encoded each time.
const mostConstants = 256

func (c *constants) get(body []byte, encode func() ([]byte, error)) ([]byte, error) {
	key := constant{&body[0], len(body)}
	c.mu.Lock()
	form, known := c.forms[key]
	if !known && len(c.forms) < mostConstants {
		if c.forms == nil {
			c.forms = map[constant]func() ([]byte, error){}
		}
		form = sync.OnceValues(encode)
		c.forms[key] = form
	}
	c.mu.Unlock()
	if form == nil {
		return encode()
	}
	return form()
}
