package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import "time"

// PutTemplate takes a template as the provider shows it; the same JSON gives the same id.
func (e *Engine) PutTemplate(json string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(json)
		return C.bulkmsg_template_put(engine, text, length, out, err)
	})
}

// TemplatesFetched says what a fetch found, against what was known.
type TemplatesFetched struct {
	Added, Changed, Unchanged, Gone, Paused int64
	Asked                                   bool
}

// FetchTemplates keeps the sender's account's templates, unless all that is known is younger.
func (e *Engine) FetchTemplates(sender int64, youngerThan time.Duration) (found TemplatesFetched, problem error) {
	problem = e.json(&found, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_template_fetch(engine, C.int64_t(sender), milliseconds(youngerThan), out, err)
	})
	return found, problem
}

// FindTemplate is the id of the fetched template; language "" where there is only one.
func (e *Engine) FindTemplate(name, language string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		word, wordLen := chars(language)
		return C.bulkmsg_template_find(engine, key, keyLen, word, wordLen, out, nil, err)
	})
}

// TemplateCSV is the CSV to fill in: the header row that this content needs, and an example row.
func (e *Engine) TemplateCSV(content int64) (string, error) {
	return e.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_template_csv(engine, C.int64_t(content), out, err)
	})
}

// PutMessage saves an own message under a name.
func (e *Engine) PutMessage(name, json string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		text, textLen := chars(json)
		return C.bulkmsg_message_put(engine, key, keyLen, text, textLen, out, err)
	})
}

// FindMessage is the id of the newest own message of that name.
func (e *Engine) FindMessage(name string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		return C.bulkmsg_message_find(engine, key, keyLen, out, nil, err)
	})
}

// Media is a file that the provider keeps; ProviderID is what messages refer to.
type Media struct {
	Number     int64
	ProviderID string `json:"provider_id"`
	SHA256     string `json:"sha256"`
	MIME       string `json:"mime"`
	Bytes      int64
	Path       string
	Uploaded   bool // by this call
}

// PutMediaFile uploads a file for the sender's number, unless the provider has it.
func (e *Engine) PutMediaFile(sender int64, path string) (kept Media, problem error) {
	problem = e.json(&kept, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_media_put_file(engine, C.int64_t(sender), name, length, nil, out, err)
	})
	return kept, problem
}

// Card is what a person will see.
type Card struct {
	Kind    string
	Header  struct{ Kind, Value, Detail string }
	Body    string
	Offer   string
	Footer  string
	Buttons []struct{ Kind, Text, Target string }
	Cards   []Card
}

// Preview is what the recipient in this row (from 0) will see.
func (c *Campaign) Preview(row int64) (card Card, problem error) {
	problem = c.json(&card, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_preview(engine, C.int64_t(c.id), C.int64_t(row), out, nil, err)
	})
	return card, problem
}

// Message is one recipient's.
type Message struct {
	Message     int64 // the number that events carry
	Address     string
	State       MessageState
	Receipt     Receipt
	Attempt     int
	ProviderID  string `json:"provider_id"`
	Code        int
	Detail      string
	AtUnixMs    int64 `json:"at_unix_ms"`
	SentAt      int64 `json:"sent_at_unix_ms"`
	DeliveredAt int64 `json:"delivered_at_unix_ms"`
	ReadAt      int64 `json:"read_at_unix_ms"`
	FailedAt    int64 `json:"failed_at_unix_ms"`
}

// Messages of the campaign from after a number on (0: the first), at most limit (1..10,000); state "" is any.
func (c *Campaign) Messages(state string, after int64, limit int) (page []Message, problem error) {
	problem = withConfig(C.BULKMSG_CONFIG_MESSAGES, options{"state": state}, func(config *C.bulkmsg_config) error {
		return c.json(&page, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_messages(engine, C.int64_t(c.id), config, C.int64_t(after), C.size_t(limit), out, err)
		})
	})
	return page, problem
}

// Reason is why messages failed or rows were skipped.
type Reason struct {
	Code   int
	Reason string
	Count  int64
}

// Reasons of failures and of skipped rows, the most frequent first.
func (c *Campaign) Reasons() (failed, skipped []Reason, problem error) {
	var both struct{ Failed, Skipped []Reason }
	problem = c.json(&both, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_reasons(engine, C.int64_t(c.id), out, err)
	})
	return both.Failed, both.Skipped, problem
}
