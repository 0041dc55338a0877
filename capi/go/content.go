package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"encoding/json"
	"time"
)

// PutTemplate takes a template as the provider shows it; the same JSON gives the same id.
func (e *Engine) PutTemplate(text string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := chars(text)
		return C.bulkmsg_template_put(engine, data, length, out, err)
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

// Template is one of the provider's, whatever its state.
type Template struct {
	Template          int64 // the id that campaigns take
	Number            int64
	BusinessAccountID string `json:"business_account_id"`
	ProviderID        string `json:"provider_id"`
	Name, Language    string
	Status, Category  string
	Quality           string
	ParameterFormat   string `json:"parameter_format"`
	RejectedReason    string `json:"rejected_reason"`
	Gone              bool   // no longer listed by the provider
	FetchedAt         Time   `json:"fetched_at_unix_ms"`
	JSON              json.RawMessage
}

// TemplateFilter chooses templates; what is empty does not count.
type TemplateFilter struct {
	Name, Language, Status string
	BusinessAccountID      string
	Gone                   bool // also those that are gone
}

func (f TemplateFilter) options() options {
	return options{"name": f.Name, "language": f.Language, "status": f.Status,
		"business_account_id": f.BusinessAccountID}.yes("gone", f.Gone)
}

// Templates that were fetched.
func (e *Engine) Templates(f TemplateFilter) *Rows[Template] {
	return rowsOf[Template](e, C.BULKMSG_LIST_TEMPLATES, 0, f.options())
}

// FindTemplate is the fetched template; language "" where there is only one.
func (e *Engine) FindTemplate(name, language string) (found Template, problem error) {
	var id C.int64_t
	filter := TemplateFilter{Language: language}.options()
	problem = withConfig(C.BULKMSG_LIST_TEMPLATES, filter, func(config *C.bulkmsg_config) error {
		return e.json(&found, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			key, keyLen := chars(name)
			return C.bulkmsg_template_find(engine, key, keyLen, config, &id, out, err)
		})
	})
	return found, problem
}

// TemplateCSV is the CSV to fill in: the header row that this content needs, and an example row.
func (e *Engine) TemplateCSV(content int64) (string, error) {
	return e.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_template_csv(engine, C.int64_t(content), out, err)
	})
}

// PutMessage saves an own message under a name.
func (e *Engine) PutMessage(name, text string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		data, dataLen := chars(text)
		return C.bulkmsg_message_put(engine, key, keyLen, data, dataLen, out, err)
	})
}

// FindMessage is the id of the newest own message of that name.
func (e *Engine) FindMessage(name string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		return C.bulkmsg_message_find(engine, key, keyLen, out, nil, err)
	})
}

// OwnMessage is a saved one.
type OwnMessage struct {
	Template int64 // the id that campaigns take
	Name     string
	Message  json.RawMessage
}

// OwnMessages are the newest of each name.
func (e *Engine) OwnMessages() *Rows[OwnMessage] {
	return rowsOf[OwnMessage](e, C.BULKMSG_LIST_OWN_MESSAGES, 0, nil)
}

// Media is a file that the provider keeps; ProviderID is what messages refer to.
type Media struct {
	Number        int64
	PhoneNumberID string `json:"phone_number_id"`
	ProviderID    string `json:"provider_id"`
	SHA256        string `json:"sha256"`
	MIME          string `json:"mime"`
	Bytes         int64
	Path          string
	UploadedAt    Time `json:"uploaded_at_unix_ms"`
	Uploaded      bool // by this call
}

// Media that the provider keeps.
func (e *Engine) Media() *Rows[Media] { return rowsOf[Media](e, C.BULKMSG_LIST_MEDIA, 0, nil) }

// PutMediaFile uploads a file for the sender's number, unless the provider has it.
func (e *Engine) PutMediaFile(sender int64, path string) (kept Media, problem error) {
	problem = e.json(&kept, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_media_put_file(engine, C.int64_t(sender), name, length, nil, out, err)
	})
	return kept, problem
}

// MediaOptions of PutMedia; what is empty is found out.
type MediaOptions struct {
	Kind string // "image", "video", "audio", "document", "sticker"
	MIME string // of a document that is not known by its bytes
	Name string // a file name
}

// PutMedia uploads bytes for the sender's number, unless the provider has them.
func (e *Engine) PutMedia(sender int64, bytes []byte, o MediaOptions) (kept Media, problem error) {
	given := options{"kind": o.Kind, "mime": o.MIME, "name": o.Name}
	problem = withConfig(C.BULKMSG_CONFIG_MEDIA, given, func(config *C.bulkmsg_config) error {
		return e.json(&kept, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			data, length := charsOf(bytes)
			return C.bulkmsg_media_put(engine, C.int64_t(sender), data, length, config, out, err)
		})
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
	Text    string `json:"-"` // all of it as plain text; of the whole, not of each card
}

// Preview is what the recipient in this row (from 0) will see.
func (c *Campaign) Preview(row int64) (card Card, problem error) {
	var text *C.bulkmsg_text
	problem = c.json(&card, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_preview(engine, C.int64_t(c.id), C.int64_t(row), out, &text, err)
	})
	card.Text = takeText(text)
	return card, problem
}

// Message is one recipient's.
type Message struct {
	Message      int64 // the number that events carry
	Address      string
	State        MessageState
	Receipt      Receipt
	Attempt      int
	ProviderID   string `json:"provider_id"`
	Code         int
	Detail       string
	At           Time   `json:"at_unix_ms"`
	SentAt       Time   `json:"sent_at_unix_ms"`
	DeliveredAt  Time   `json:"delivered_at_unix_ms"`
	ReadAt       Time   `json:"read_at_unix_ms"`
	FailedAt     Time   `json:"failed_at_unix_ms"`
	Line         int64  // of the input, from 1
	NextAt       Time   `json:"next_at_unix_ms"` // when a retry is due
	SupersededBy int64  `json:"superseded_by"`   // the child campaign that sends it again
	Sender       string // the name of the one that it goes over
}

// MessageFilter chooses messages; what is empty does not count.
type MessageFilter struct {
	State       string // "sent", "failed", "unconfirmed", "skipped", "retry", "queued"
	Receipt     string // "none", "sent", "failed", "delivered", "read"
	Undelivered bool   // only accepted ones that a receipt failed
	Code        int64  // the provider's
	Address     string // in its one spelling
}

// Messages of the campaign.
func (c *Campaign) Messages(f MessageFilter) *Rows[Message] {
	given := options{"state": f.State, "receipt": f.Receipt, "address": f.Address}
	given.yes("undelivered", f.Undelivered).number("code", f.Code)
	return rowsOf[Message](c.engine, C.BULKMSG_LIST_MESSAGES, c.id, given)
}

// Participant is what one of a group's did with a message to the group.
type Participant struct {
	Participant string
	Receipt     Receipt
	Code        int
	SentAt      Time `json:"sent_at_unix_ms"`
	DeliveredAt Time `json:"delivered_at_unix_ms"`
	ReadAt      Time `json:"read_at_unix_ms"`
	FailedAt    Time `json:"failed_at_unix_ms"`
}

// Participants of the group that got this message.
func (e *Engine) Participants(message int64) *Rows[Participant] {
	return rowsOf[Participant](e, C.BULKMSG_LIST_PARTICIPANTS, message, nil)
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
