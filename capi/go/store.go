package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// By says who does something, and why, for the history and the status.
type By struct{ Actor, Reason string }

func (b By) options() options { return options{"actor": b.Actor, "reason": b.Reason} }

// In mode "post" a call waits for the process that runs the store as long as the context says.
func (b By) within(ctx context.Context) options {
	given := b.options()
	given["wait_ms"] = patience(ctx)
	return given
}

// A call that takes a command's options.
type commandCall func(*C.bulkmsg_engine, *C.bulkmsg_config, **C.bulkmsg_error) C.bulkmsg_status

func (e *Engine) command(given options, body commandCall) error {
	return withConfig(C.BULKMSG_CONFIG_COMMAND, given, func(config *C.bulkmsg_config) error {
		return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return body(engine, config, err)
		})
	})
}

// StoreStatus is what is known of the store as a whole.
type StoreStatus struct {
	Copy                 bool          // a copy of a store: opens for reading only; see Adopt
	RecoveredUnconfirmed int64         // messages that may have gone before a crash, found by this opening
	RecoveredWindow      int64         // messages that were open then, whatever became of them
	Retention            time.Duration // 0: personal data is kept for ever
}

// StoreStatus of this engine's store.
func (e *Engine) StoreStatus() (StoreStatus, error) {
	var s struct {
		Copy        bool
		Unconfirmed int64 `json:"recovered_unconfirmed"`
		Window      int64 `json:"recovered_window"`
		Hours       int64 `json:"retention_hours"`
	}
	problem := e.json(&s, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_status(engine, out, err)
	})
	return StoreStatus{s.Copy, s.Unconfirmed, s.Window, time.Duration(s.Hours) * time.Hour}, problem
}

// Metrics are the engine's counters in Prometheus' text format.
func (e *Engine) Metrics() (string, error) {
	return e.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_metrics(engine, out, err)
	})
}

// Backup writes a whole copy to a new file while the store is used; Conflict when the file exists.
func (e *Engine) Backup(path string, by By) error {
	return e.command(by.options(), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_engine_backup(engine, name, length, config, err)
	})
}

// Forgotten is what there was of a person.
type Forgotten struct {
	Recipients, Rejected, Replies int64
	Contact                       bool
}

// Forget a person: contact, replies, and address, parameters and texts in every campaign. They stay barred, under a
// keyed hash; counters and the ledger stay true.
func (e *Engine) Forget(address string, by By) (was Forgotten, problem error) {
	var out *C.bulkmsg_text
	problem = e.command(by.options(), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		whom, length := chars(address)
		return C.bulkmsg_engine_forget(engine, whom, length, config, &out, err)
	})
	if problem != nil {
		return was, problem
	}
	return was, takeJSON(out, &was)
}

// SetRetention says how long campaigns that have ended keep personal data: over a day, in hours; 0: for ever.
func (e *Engine) SetRetention(keep time.Duration, by By) error {
	if keep%time.Hour != 0 {
		return &Error{Code: InvalidArgument, Name: InvalidArgument.Name(), Message: "a retention is a number of whole hours"}
	}
	return e.command(by.options(), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_set_retention(engine, C.int64_t(keep/time.Hour), config, err)
	})
}

// Adoption is what adopting a copy did.
type Adoption struct {
	OldID     string `json:"old_id"`
	NewID     string `json:"new_id"`
	Paused    int64  // campaigns
	LastEntry Time   `json:"last_entry_unix_ms"` // the last that the copy knows
}

// Adopt makes a store of its own of a file that is a copy of one; nobody has it open. Only when the original is gone,
// or goes on for itself: two that send the same would reach people twice.
func Adopt(path string, by By) (done Adoption, problem error) {
	var out *C.bulkmsg_text
	problem = withConfig(C.BULKMSG_CONFIG_COMMAND, by.options(), func(config *C.bulkmsg_config) error {
		var err *C.bulkmsg_error
		name, length := chars(path)
		return failure(C.bulkmsg_store_adopt(name, length, config, &out, &err), err)
	})
	if problem != nil {
		return done, problem
	}
	return done, takeJSON(out, &done)
}

// HistoryEntry is who did what, when and why.
type HistoryEntry struct {
	ID       int64
	At       Time  `json:"at_unix_ms"`
	Campaign int64 // 0: the store as a whole
	Action   string
	Reason   string
	Actor    string // "engine": by itself; empty: the call did not say
}

// History of everything, oldest first.
func (e *Engine) History() *Rows[HistoryEntry] {
	return rowsOf[HistoryEntry](e, C.BULKMSG_LIST_HISTORY, 0, nil)
}

// History of the campaign, oldest first.
func (c *Campaign) History() *Rows[HistoryEntry] {
	return rowsOf[HistoryEntry](c.engine, C.BULKMSG_LIST_HISTORY, c.id, nil)
}

// StoredEvent is a durable event that is not acknowledged, with what belongs to it.
type StoredEvent struct {
	ID       int64
	Kind     EventKind
	State    int32
	Campaign int64
	At       Time `json:"at_unix_ms"`
	Payload  json.RawMessage
}

// StoredEvents are the durable events that are not acknowledged, oldest first, without taking them from Poll.
func (e *Engine) StoredEvents() *Rows[StoredEvent] {
	return rowsOf[StoredEvent](e, C.BULKMSG_LIST_EVENTS, 0, nil)
}

// ParseTime reads a time as people write it, with its zone: "2026-12-01 09:00 Europe/Berlin".
func ParseTime(text string) (time.Time, error) {
	var at C.int64_t
	var err *C.bulkmsg_error
	data, length := chars(text)
	if problem := failure(C.bulkmsg_time_parse(data, length, &at, &err), err); problem != nil {
		return time.Time{}, problem
	}
	return time.UnixMilli(int64(at)).UTC(), nil
}

func patience(ctx context.Context) string {
	deadline, limited := ctx.Deadline()
	if !limited {
		return "86400000"
	}
	return fmt.Sprint(int64(milliseconds(time.Until(deadline))))
}
