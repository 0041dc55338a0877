package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"errors"
	"runtime"
	"time"
	"unsafe"
)

// What needs no engine.

// ParseRecipients judges recipients as an import does: the good rows as CSV, the address in its one spelling first, and
// the others as CSV with their reasons.
func ParseRecipients(format Format, text string, o ImportOptions) (report ImportReport, accepted, rejected string, problem error) {
	var r C.bulkmsg_import_report
	var good, bad *C.bulkmsg_text
	problem = withConfig(C.BULKMSG_CONFIG_IMPORT, o.options(), func(config *C.bulkmsg_config) error {
		var err *C.bulkmsg_error
		data, length := chars(text)
		return failure(C.bulkmsg_recipients_parse(C.int32_t(format), data, length, config, &r, C.size_t(unsafe.Sizeof(r)),
			&good, &bad, &err), err)
	})
	if problem != nil {
		return ImportReport{}, "", "", problem
	}
	report = ImportReport{int64(r.rows), int64(r.added), int64(r.duplicates), int64(r.rejected)}
	return report, takeText(good), takeText(bad), nil
}

// PreviewContent is what one recipient will see of a template or an own message; row is CSV, names and values.
func PreviewContent(json, row string) (card Card, problem error) {
	var err *C.bulkmsg_error
	var out, text *C.bulkmsg_text
	words, wordsLen := chars(json)
	values, valuesLen := chars(row)
	status := C.bulkmsg_content_preview(words, wordsLen, values, valuesLen, nil, &out, &text, &err)
	if problem = failure(status, err); problem != nil {
		return card, problem
	}
	problem = takeJSON(out, &card)
	card.Text = takeText(text)
	return card, problem
}

// ContentCSV is the CSV to fill in for a template or an own message: the header row that it needs, and an example row.
func ContentCSV(json string) (string, error) {
	var err *C.bulkmsg_error
	var out *C.bulkmsg_text
	words, length := chars(json)
	if problem := failure(C.bulkmsg_content_csv(words, length, nil, &out, &err), err); problem != nil {
		return "", problem
	}
	return takeText(out), nil
}

// VerifyWebhook says whether the body was signed with this app secret.
func VerifyWebhook(body []byte, signature, secret string) (bool, error) {
	var err *C.bulkmsg_error
	data, length := charsOf(body)
	signed, signedLen := chars(signature)
	key, keyLen := chars(secret)
	problem := failure(C.bulkmsg_webhook_verify(data, length, signed, signedLen, key, keyLen, &err), err)
	if errors.Is(problem, SignatureMismatch) {
		return false, nil
	}
	return problem == nil, problem
}

// Limiter holds the limits that senders have, on their own. For one goroutine at a time; Close it when done.
type Limiter struct {
	limiter *C.bulkmsg_limiter
}

// NewLimiter of "80/s; 1/6s per recipient,burst=45; in-flight=64".
func NewLimiter(limits string) (*Limiter, error) {
	var err *C.bulkmsg_error
	l := &Limiter{}
	text, length := chars(limits)
	if problem := failure(C.bulkmsg_limiter_create(text, length, &l.limiter, &err), err); problem != nil {
		return nil, problem
	}
	runtime.SetFinalizer(l, (*Limiter).Close)
	return l, nil
}

// OnRelease is what Take says when only a Release helps.
const OnRelease = time.Duration(-1)

// Take asks leave to send now, on any clock that does not go back; 0: go on; else when to ask again, or OnRelease.
func (l *Limiter) Take(now time.Duration, address string) (time.Duration, error) {
	var err *C.bulkmsg_error
	var next C.int64_t
	text, length := chars(address)
	problem := failure(C.bulkmsg_limiter_take(l.limiter, C.int64_t(now), text, length, &next, &err), err)
	runtime.KeepAlive(l)
	return time.Duration(next), problem
}

// Release: the answer to what was sent is in.
func (l *Limiter) Release() error {
	var err *C.bulkmsg_error
	problem := failure(C.bulkmsg_limiter_release(l.limiter, &err), err)
	runtime.KeepAlive(l)
	return problem
}

// Close gives it back; again is fine.
func (l *Limiter) Close() {
	C.bulkmsg_limiter_destroy(l.limiter)
	l.limiter = nil
}
