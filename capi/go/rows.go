package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"time"
)

// Rows goes over a list of the store, a page at a time:
//
//	rows := engine.Ledger(account)
//	for rows.Next() {
//		entry := rows.Row()
//	}
//	if err := rows.Err(); err != nil { ... }
//
// For one goroutine at a time. There is nothing to close.
type Rows[T any] struct {
	engine  *Engine
	what    C.int32_t
	of      int64
	filter  options
	cursor  C.int64_t
	page    []T
	at      int
	last    bool
	problem error
}

const pageRows = 1000

func rowsOf[T any](e *Engine, what C.int32_t, of int64, filter options) *Rows[T] {
	return &Rows[T]{engine: e, what: what, of: of, filter: filter, at: -1}
}

// Next goes to the next row; false: there is none, or Err says why not.
func (r *Rows[T]) Next() bool {
	if r.at++; r.at < len(r.page) {
		return true
	}
	if r.last || r.problem != nil {
		return false
	}
	r.problem = r.load()
	r.at = 0
	return r.problem == nil && len(r.page) > 0
}

// Row is the one that Next went to.
func (r *Rows[T]) Row() T { return r.page[r.at] }

// Err is why Next ended early; nil when it did not.
func (r *Rows[T]) Err() error { return r.problem }

// All are the rows that are left, at once.
func (r *Rows[T]) All() ([]T, error) {
	var all []T
	for r.Next() {
		all = append(all, r.Row())
	}
	return all, r.Err()
}

func (r *Rows[T]) load() error {
	var out *C.bulkmsg_text
	var count C.size_t
	problem := withConfig(r.what, r.filter, func(config *C.bulkmsg_config) error {
		return r.engine.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			status := C.bulkmsg_engine_list(engine, r.what, C.int64_t(r.of), config, pageRows, &r.cursor, &out, &count, err)
			runtime.KeepAlive(r)
			return status
		})
	})
	r.page = nil
	if problem != nil {
		return problem
	}
	r.last = count < pageRows
	return takeJSON(out, &r.page)
}

// Time is a time.Time that comes as milliseconds; IsZero when it has not come yet.
type Time struct{ time.Time }

// UnmarshalJSON reads Unix milliseconds.
func (t *Time) UnmarshalJSON(text []byte) error {
	var ms int64
	if err := json.Unmarshal(text, &ms); err != nil {
		return err
	}
	if ms != 0 {
		t.Time = time.UnixMilli(ms).UTC()
	}
	return nil
}

// Duration is a time.Duration that comes as milliseconds.
type Duration struct{ time.Duration }

// UnmarshalJSON reads milliseconds.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var ms int64
	err := json.Unmarshal(text, &ms)
	d.Duration = time.Duration(ms) * time.Millisecond
	return err
}

var stateWords = map[string]CampaignState{"draft": CampaignDraft, "scheduled": CampaignScheduled,
	"starting": CampaignStarting, "sending": CampaignSending, "paused": CampaignPaused, "completed": CampaignCompleted,
	"stopped": CampaignStopped, "failed": CampaignFailed}

// String is the state's word, "sending".
func (s CampaignState) String() string {
	for word, state := range stateWords {
		if state == s {
			return word
		}
	}
	return "unknown"
}

// UnmarshalJSON reads the state's word.
func (s *CampaignState) UnmarshalJSON(text []byte) error {
	state, known := stateWords[string(bytes.Trim(text, `"`))]
	if !known {
		return fmt.Errorf("unknown state %s", text)
	}
	*s = state
	return nil
}
