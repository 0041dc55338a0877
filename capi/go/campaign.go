package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Campaign is one broadcast in an engine's store.
type Campaign struct {
	engine *Engine
	id     int64
}

// ID stays valid across restarts.
func (c *Campaign) ID() int64 { return c.id }

// ImportReport says how an import went: Rows = Added + Duplicates + Rejected.
type ImportReport struct{ Rows, Added, Duplicates, Rejected int64 }

// ImportOptions say how recipients are read.
type ImportOptions struct {
	DefaultRegion string // ISO 3166, "DE": where numbers without a country code are from
	Delimiter     string // of a CSV: "comma", "semicolon", "bar", "tab"; empty: found out
	Columns       string // JSON: the keys to take, separated by commas
}

func (o ImportOptions) options() options {
	return options{"default_region": o.DefaultRegion, "delimiter": o.Delimiter, "columns": o.Columns}
}

type importCall func(*C.bulkmsg_engine, *C.bulkmsg_config, *C.bulkmsg_import_report, C.size_t, **C.bulkmsg_error) C.bulkmsg_status

func (c *Campaign) take(o ImportOptions, body importCall) (ImportReport, error) {
	var r C.bulkmsg_import_report
	problem := withConfig(C.BULKMSG_CONFIG_IMPORT, o.options(), func(config *C.bulkmsg_config) error {
		return c.engine.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return body(engine, config, &r, C.size_t(unsafe.Sizeof(r)), err)
		})
	})
	return ImportReport{int64(r.rows), int64(r.added), int64(r.duplicates), int64(r.rejected)}, problem
}

// Import adds recipients to a draft from text; bad rows are left out and kept for WriteRejected.
func (c *Campaign) Import(format Format, text string, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := chars(text)
		return C.bulkmsg_campaign_import(engine, C.int64_t(c.id), C.int32_t(format), data, length, config, report, size, err)
	})
}

// ImportFile is Import from a CSV or JSON file, read in pieces.
func (c *Campaign) ImportFile(format Format, path string, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_campaign_import_file(engine, C.int64_t(c.id), C.int32_t(format), name, length, config, report, size, err)
	})
}

// ImportCSVFile is ImportFile of a CSV with nothing special about it.
func (c *Campaign) ImportCSVFile(path string) (ImportReport, error) {
	return c.ImportFile(FormatCSV, path, ImportOptions{})
}

// Table holds rows as the engine takes them. For one goroutine at a time.
type Table struct {
	data    []byte
	offsets []uint64
	columns int
}

// NewTable names the columns; one of them is phone_number, or address.
func NewTable(columns ...string) *Table {
	t := &Table{offsets: []uint64{0}, columns: len(columns)}
	t.append(columns)
	return t
}

// TableOf takes columns that are there already, each as long as the first; the quickest way.
func TableOf(names []string, columns ...[]string) (*Table, error) {
	if len(names) == 0 || len(columns) != len(names) {
		return nil, &Error{Code: InvalidArgument, Name: InvalidArgument.Name(), Message: "each column must have a name"}
	}
	bytes := 0
	for i, column := range columns {
		if len(column) != len(columns[0]) {
			return nil, &Error{Code: InvalidArgument, Name: InvalidArgument.Name(),
				Message: "column " + names[i] + " is not as long as the first"}
		}
		for _, cell := range column {
			bytes += len(cell)
		}
	}
	t := NewTable(names...)
	t.Grow(len(columns[0]), bytes)
	data, offsets := t.data, t.offsets // nothing is made anew below
	for row := range columns[0] {
		for _, column := range columns {
			data = append(data, column[row]...)
			offsets = append(offsets, uint64(len(data)))
		}
	}
	t.data, t.offsets = data, offsets
	return t, nil
}

// Append adds a row; missing cells are empty, cells beyond the columns are left out.
func (t *Table) Append(cells ...string) { t.append(cells) }

func (t *Table) append(cells []string) {
	if len(cells) > t.columns {
		cells = cells[:t.columns]
	}
	bytes := 0
	for _, cell := range cells {
		bytes += len(cell)
	}
	t.Grow(1, bytes)
	at, place := len(t.data), len(t.offsets)
	t.data, t.offsets = t.data[:at+bytes], t.offsets[:place+t.columns]
	for i, cell := range cells {
		at += copy(t.data[at:], cell)
		t.offsets[place+i] = uint64(at)
	}
	for i := len(cells); i < t.columns; i++ {
		t.offsets[place+i] = uint64(at)
	}
}

// Grow makes room for that many more rows and bytes, so that it is done once where they are known before.
func (t *Table) Grow(rows, bytes int) {
	if need := len(t.data) + bytes; need > cap(t.data) {
		t.data = append(make([]byte, 0, larger(need, 2*cap(t.data))), t.data...)
	}
	if need := len(t.offsets) + rows*t.columns; need > cap(t.offsets) {
		t.offsets = append(make([]uint64, 0, larger(need, 2*cap(t.offsets))), t.offsets...)
	}
}

func larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Rows without the names.
func (t *Table) Rows() int {
	if t.columns == 0 {
		return 0
	}
	return (len(t.offsets)-1)/t.columns - 1
}

// Add adds the table's rows to a draft.
func (c *Campaign) Add(t *Table, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := charsOf(t.data)
		return C.bulkmsg_campaign_add(engine, C.int64_t(c.id), data, length, (*C.uint64_t)(unsafe.Pointer(&t.offsets[0])),
			C.size_t(t.columns), C.size_t(t.Rows()+1), config, report, size, err)
	})
}

// ImportContacts makes recipients of stored contacts: a segment's or group's, or everybody.
func (c *Campaign) ImportContacts(selection string) (report SelectionReport, problem error) {
	problem = c.json(&report, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(selection)
		return C.bulkmsg_campaign_import_contacts(engine, C.int64_t(c.id), name, length, out, err)
	})
	return report, problem
}

// SelectionReport says how contacts became recipients.
type SelectionReport struct {
	Chosen, Added, Duplicates, Rejected int64
	Tests, Sandbox, Suppressed          int64
	WithoutConsent                      int64 `json:"without_consent"`
}

// WriteRejected writes the rejected rows to a CSV to correct and import again.
func (c *Campaign) WriteRejected(path string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_campaign_write_rejected(engine, C.int64_t(c.id), name, length, err)
	})
}

// StateConsent is the host's word that all recipients of the draft have agreed.
func (c *Campaign) StateConsent(source string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(source)
		return C.bulkmsg_campaign_state_consent(engine, C.int64_t(c.id), text, length, err)
	})
}

// Plan is frozen, or what it would be.
type Plan struct {
	Messages         int64
	Credits          int64
	CreditsAvailable int64         // -1 without an account
	Duration         time.Duration // under the sender's limits, at best
	Hash             string
	Preview          string // the first message; of a dry run only
}

func planOf(p *C.bulkmsg_plan) Plan {
	return Plan{int64(p.messages), int64(p.credits), int64(p.credits_available),
		time.Duration(p.duration_ms) * time.Millisecond, C.GoString(&p.hash[0]), ""}
}

// DryRun renders every message, prices and hashes; it changes nothing.
func (c *Campaign) DryRun() (Plan, error) {
	var p C.bulkmsg_plan
	var preview *C.bulkmsg_text
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_dry_run(engine, C.int64_t(c.id), &p, C.size_t(unsafe.Sizeof(p)), &preview, err)
	})
	if problem != nil {
		return Plan{}, problem
	}
	plan := planOf(&p)
	plan.Preview = takeText(preview)
	return plan, nil
}

// StartOptions of Start.
type StartOptions struct {
	IdempotencyKey string // starting again under the same key runs once
	ExpectedHash   string // refuse when the plan's hash is another
}

// Start freezes the plan, reserves the credits and begins to send.
func (c *Campaign) Start(o StartOptions) (Plan, error) {
	var p C.bulkmsg_plan
	given := options{"idempotency_key": o.IdempotencyKey, "expected_hash": o.ExpectedHash}
	problem := withConfig(C.BULKMSG_CONFIG_START, given, func(config *C.bulkmsg_config) error {
		return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_start(engine, C.int64_t(c.id), config, &p, C.size_t(unsafe.Sizeof(p)), err)
		})
	})
	if problem != nil {
		return Plan{}, problem
	}
	return planOf(&p), nil
}

// How long a call in mode "post" waits for the process that runs the store: as long as the context says.
func patience(ctx context.Context) C.int64_t {
	deadline, limited := ctx.Deadline()
	if !limited {
		return 86400000
	}
	return milliseconds(time.Until(deadline))
}

// Pause: when it returns nil no new request leaves.
func (c *Campaign) Pause(ctx context.Context, reason string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(reason)
		return C.bulkmsg_campaign_pause(engine, C.int64_t(c.id), text, length, patience(ctx), err)
	})
}

// Resume sends exactly the rest.
func (c *Campaign) Resume(ctx context.Context) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_resume(engine, C.int64_t(c.id), patience(ctx), err)
	})
}

// Stop ends it for good: what was not sent never is.
func (c *Campaign) Stop(ctx context.Context, reason string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(reason)
		return C.bulkmsg_campaign_stop(engine, C.int64_t(c.id), text, length, patience(ctx), err)
	})
}

// Discard removes a draft and its recipients.
func (c *Campaign) Discard() error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_discard(engine, C.int64_t(c.id), err)
	})
}

// State is where it stands.
func (c *Campaign) State() (CampaignState, error) {
	var state C.int32_t
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_state(engine, C.int64_t(c.id), &state, err)
	})
	return CampaignState(state), problem
}

// Counters: Total = Queued + Sent + Failed + Unconfirmed + Skipped; Delivered, Read, Undelivered, Responded are in Sent.
type Counters struct {
	Total, Queued, Sent, Failed, Unconfirmed, Skipped int64
	Delivered, Read, Undelivered, Responded           int64
	CreditsReserved, CreditsSpent                     int64
}

// Counters are consistent with each other.
func (c *Campaign) Counters() (Counters, error) {
	var n C.bulkmsg_counters
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_counters(engine, C.int64_t(c.id), &n, C.size_t(unsafe.Sizeof(n)), err)
	})
	return Counters{int64(n.total), int64(n.queued), int64(n.sent), int64(n.failed), int64(n.unconfirmed),
		int64(n.skipped), int64(n.delivered), int64(n.read), int64(n.undelivered), int64(n.responded),
		int64(n.credits_reserved), int64(n.credits_spent)}, problem
}

// Status is all that is known of it, as JSON: name, state, reason, sender, template, plan_hash, times, counters.
func (c *Campaign) Status() (string, error) {
	return c.engine.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_status(engine, C.int64_t(c.id), out, err)
	})
}

func (c *Campaign) call(body func(*C.bulkmsg_engine, **C.bulkmsg_error) C.bulkmsg_status) error {
	return c.engine.handle.call(body)
}

func (c *Campaign) json(to interface{}, body func(*C.bulkmsg_engine, **C.bulkmsg_text, **C.bulkmsg_error) C.bulkmsg_status) error {
	var out *C.bulkmsg_text
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return body(engine, &out, err)
	})
	if problem != nil {
		return problem
	}
	return takeJSON(out, to)
}
