package logwriter

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Handler writes lines of JSON to a Writer, as slog.JSONHandler does. A warning, or worse, is written when Handle returns.
//
// The plain lines, such as the one of each request, it puts together by itself: slog has encoding/json write each float, and so
// takes four times as long. Whatever else there is, it leaves to slog.
type Handler struct {
	json  slog.Handler
	to    *Writer
	attrs []byte // those of WithAttrs, as they stand in a line
	plain bool   // of which none is in a group, or other than plain
}

// NewHandler makes a Handler for all levels from info on.
func NewHandler(to *Writer) Handler {
	return Handler{json: slog.NewJSONHandler(to, nil), to: to, plain: true}
}

// Enabled implements slog.Handler.
func (h Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.json.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h Handler) Handle(ctx context.Context, r slog.Record) (err error) {
	var room [512]byte
	if line, ok := h.line(room[:0], r); ok {
		_, err = h.to.Write(line)
	} else {
		err = h.json.Handle(ctx, r)
	}
	if r.Level >= slog.LevelWarn {
		h.to.Flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := Handler{json: h.json.WithAttrs(attrs), to: h.to, attrs: h.attrs[:len(h.attrs):len(h.attrs)], plain: h.plain}
	for _, attr := range attrs {
		var ok bool
		with.attrs, ok = appendAttr(with.attrs, attr)
		with.plain = with.plain && ok
	}
	return with
}

// WithGroup implements slog.Handler.
func (h Handler) WithGroup(name string) slog.Handler {
	return Handler{json: h.json.WithGroup(name), to: h.to}
}

// line appends the line of a record, if all of it is plain.
func (h Handler) line(b []byte, r slog.Record) (_ []byte, ok bool) {
	if year := r.Time.Year(); !h.plain || r.Time.IsZero() || year < 0 || year > 9999 || !isPlain(r.Message) {
		return nil, false
	}
	b = r.Time.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = append(append(b, `","level":"`...), r.Level.String()...)
	b = append(append(append(b, `","msg":"`...), r.Message...), '"')
	b, ok = append(b, h.attrs...), true
	r.Attrs(func(attr slog.Attr) bool {
		b, ok = appendAttr(b, attr)
		return ok
	})
	return append(b, "}\n"...), ok
}

// appendAttr appends an attribute, if it is plain.
func appendAttr(b []byte, attr slog.Attr) (_ []byte, ok bool) {
	if !isPlain(attr.Key) {
		return b, false
	}
	b = append(append(append(b, `,"`...), attr.Key...), `":`...)
	switch attr.Value.Kind() {
	case slog.KindString:
		text := attr.Value.String()
		return append(append(append(b, '"'), text...), '"'), isPlain(text)
	case slog.KindInt64:
		return strconv.AppendInt(b, attr.Value.Int64(), 10), true
	case slog.KindFloat64: // others have an exponent in JSON, or can not be written
		f := attr.Value.Float64()
		return strconv.AppendFloat(b, f, 'f', -1, 64), f == 0 || math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21
	default:
		return b, false
	}
}

// plainBytes are those that stand in JSON, as slog writes it, as they are.
var plainBytes = func() (plain [256]bool) {
	for c := ' '; c <= '~'; c++ {
		plain[c] = !strings.ContainsRune("\"\\", c)
	}
	return plain
}()

// isPlain is whether a text is made of them alone.
func isPlain(text string) bool {
	for i := range len(text) {
		if !plainBytes[text[i]] {
			return false
		}
	}
	return true
}
