package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import "time"

// Ingest takes one webhook: the raw body and X-Hub-Signature-256. When it returns nil the webhook is durable: answer
// 200. SignatureMismatch: answer 401; TooLarge: 413; anything else: 500.
func (e *Engine) Ingest(body []byte, signature string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := charsOf(body)
		signed, signedLen := chars(signature)
		return C.bulkmsg_webhook_ingest(engine, data, length, signed, signedLen, err)
	})
}

// Handshake answers the provider's GET with hub.mode, hub.verify_token and hub.challenge: answer 200 with what it
// returns; SignatureMismatch: no sender has this verify_token, answer 403.
func (e *Engine) Handshake(mode, token, challenge string) (string, error) {
	return e.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		how, howLen := chars(mode)
		word, wordLen := chars(token)
		asked, askedLen := chars(challenge)
		return C.bulkmsg_webhook_handshake(engine, how, howLen, word, wordLen, asked, askedLen, out, err)
	})
}

// Listen answers webhooks at "127.0.0.1:PORT" (0: any) until the engine is closed; it returns the port.
func (e *Engine) Listen(address string) (int, error) {
	var port C.int32_t
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(address)
		return C.bulkmsg_webhook_listen(engine, text, length, &port, err)
	})
	return int(port), problem
}

// Reply is what a person wrote to us, and which message of ours it answers.
type Reply struct {
	Number       int64
	ProviderID   string `json:"provider_id"`
	At           Time   `json:"at_unix_ms"`
	Address      string
	UserID       string `json:"user_id"`
	Profile      string
	GroupID      string `json:"group_id"`
	Kind         string
	Text         string
	Payload      string
	Answers      string // provider id of the message it quotes
	Campaign     int64  // 0: it answers nothing of ours that is known
	Message      int64
	Conversation int64
	Resumed      bool
	OptOut       bool `json:"opt_out"`
}

// Replies of everybody, oldest first, or of the one with this address.
func (e *Engine) Replies(address string) *Rows[Reply] {
	return rowsOf[Reply](e, C.BULKMSG_LIST_REPLIES, 0, options{"address": address})
}

// Replies that answer the campaign, oldest first.
func (c *Campaign) Replies() *Rows[Reply] {
	return rowsOf[Reply](c.engine, C.BULKMSG_LIST_REPLIES, c.id, nil)
}

// WindowCloses is until when free-form messages may be sent to this person; zero: they never wrote. sender: to this
// one's number, for which alone WhatsApp opens the window; 0: to any of ours.
func (e *Engine) WindowCloses(address string, sender int64) (time.Time, error) {
	at, problem := e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		whom, length := chars(address)
		return C.bulkmsg_window_closes(engine, C.int64_t(sender), whom, length, out, err)
	})
	if problem != nil || at == 0 {
		return time.Time{}, problem
	}
	return time.UnixMilli(at).UTC(), nil
}
