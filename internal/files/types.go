package files

import (
	"mime"
	"path"
	"strings"
)

// TypeByName returns the Content-Type of a file by the extension of its name,
// in any case of letters. The types of the web are built in, so that they are
// the same on every machine; others are looked up with [mime.TypeByExtension],
// which [mime.AddExtensionType] extends; the rest is
// application/octet-stream. The content is never looked at: guessing a type
// from it lets whoever wrote the content choose it.
func TypeByName(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := webType(ext); t != "" {
		return t
	}
	if ext != "" {
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
	}
	return "application/octet-stream"
}

// webType is the built-in table. Text types name their charset; JSON, XML and
// SVG do not, because they state it themselves (RFC 8259 §8.1, RFC 7303 §3).
func webType(ext string) string {
	switch ext {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs", ".cjs":
		return "text/javascript; charset=utf-8"
	case ".txt", ".text", ".log":
		return "text/plain; charset=utf-8"
	case ".md", ".markdown":
		return "text/markdown; charset=utf-8"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".tsv":
		return "text/tab-separated-values; charset=utf-8"
	case ".ics":
		return "text/calendar; charset=utf-8"
	case ".vtt":
		return "text/vtt; charset=utf-8"
	case ".yaml", ".yml":
		return "application/yaml"
	case ".json", ".map":
		return "application/json"
	case ".jsonl", ".ndjson":
		return "application/x-ndjson"
	case ".jsonld":
		return "application/ld+json"
	case ".geojson":
		return "application/geo+json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".xml", ".xsl":
		return "application/xml"
	case ".xhtml":
		return "application/xhtml+xml"
	case ".rss":
		return "application/rss+xml"
	case ".atom":
		return "application/atom+xml"
	case ".wasm":
		return "application/wasm"
	case ".pdf":
		return "application/pdf"
	case ".rtf":
		return "application/rtf"
	case ".epub":
		return "application/epub+zip"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".pptx":
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	case ".zip":
		return "application/zip"
	case ".gz", ".tgz":
		return "application/gzip"
	case ".zst":
		return "application/zstd"
	case ".tar":
		return "application/x-tar"
	case ".7z":
		return "application/x-7z-compressed"
	}
	return mediaType(ext)
}

// mediaType is the part of the table that no one compresses again, with the
// exceptions compressible knows.
func mediaType(ext string) string {
	switch ext {
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".jxl":
		return "image/jxl"
	case ".bmp":
		return "image/bmp"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".ico":
		return "image/vnd.microsoft.icon"
	case ".woff":
		return "font/woff"
	case ".woff2":
		return "font/woff2"
	case ".ttf":
		return "font/ttf"
	case ".otf":
		return "font/otf"
	case ".mp3":
		return "audio/mpeg"
	case ".m4a":
		return "audio/mp4"
	case ".ogg", ".oga", ".opus":
		return "audio/ogg"
	case ".wav":
		return "audio/wav"
	case ".flac":
		return "audio/flac"
	case ".aac":
		return "audio/aac"
	case ".weba":
		return "audio/webm"
	case ".mp4", ".m4v":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".ogv":
		return "video/ogg"
	case ".mov":
		return "video/quicktime"
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".mpd":
		return "application/dash+xml"
	}
	return ""
}

// compressible reports whether files of that name are worth a precompressed
// sibling: text in the wider sense, code, and the formats that are stored
// uncompressed.
func compressible(name string) bool {
	contentType := TypeByName(name)
	base, _, _ := strings.Cut(contentType, ";")
	switch {
	case strings.HasPrefix(base, "text/"), strings.HasSuffix(base, "+json"), strings.HasSuffix(base, "+xml"):
		return true
	}
	switch base {
	case "application/json", "application/x-ndjson", "application/xml", "application/yaml", "application/wasm",
		"application/vnd.apple.mpegurl", "application/pdf", "application/rtf", "application/x-tar",
		"image/vnd.microsoft.icon", "image/bmp", "font/ttf", "font/otf":
		return true
	}
	return false
}
