package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

// Options of Open.
type Options struct {
	Mode        string // "run" (the default), "read" or "post"
	NoCreate    bool   // fail when the file is missing
	NoSend      bool   // open and recover, but send nothing
	ProgressMax int    // messages that the progress ring holds; 0: 8192
	IOThreads   int    // threads that senders are spread over, up to 64; 0: 1
}

// Engine is a store being worked on. Close it when done.
type Engine struct {
	handle *handle
}

// Open opens or creates a store and, in mode "run", goes on sending what was being sent.
func Open(path string, o Options) (*Engine, error) {
	given := options{"path": path, "mode": o.Mode}.number("progress_max", int64(o.ProgressMax))
	given.number("io_threads", int64(o.IOThreads))
	if o.NoCreate {
		given["create"] = "false"
	}
	if o.NoSend {
		given["send"] = "false"
	}
	opened := &handle{}
	problem := withConfig(C.BULKMSG_CONFIG_ENGINE, given, func(config *C.bulkmsg_config) error {
		var err *C.bulkmsg_error
		return failure(C.bulkmsg_engine_open(config, &opened.engine, &err), err)
	})
	if problem != nil {
		return nil, problem
	}
	runtime.SetFinalizer(opened, (*handle).destroy) // a safety net only
	return &Engine{opened}, nil
}

func (h *handle) destroy() {
	h.lock.Lock()
	defer h.lock.Unlock()
	C.bulkmsg_engine_destroy(h.engine)
	h.engine = nil
}

// Close stops sending and lets what is on the wire settle for up to `drain`; calls that wait end with Closed. Closing
// again is fine.
func (e *Engine) Close(drain time.Duration) error {
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_close(engine, milliseconds(drain), err)
	})
	if errors.Is(problem, Closed) {
		problem = nil
	}
	runtime.SetFinalizer(e.handle, nil)
	e.handle.destroy()
	return problem
}

// Event is something that happened, laid out as in C. Durable ones have an ID and come again until acknowledged.
type Event struct {
	ID       int64
	Campaign int64
	Message  int64
	AtUnixMs int64
	Kind     EventKind
	State    int32 // a CampaignState or a MessageState, by kind
	Receipt  Receipt
	Code     int32
	_        [2]uint64
}

// IsDurable says that the event comes again until it is acknowledged.
func (e Event) IsDurable() bool { return e.ID != 0 }

// How long one call waits, so that the end of a context is seen.
const pollSlice = 100 * time.Millisecond

// Poll fills events with what waits, durable ones first, and says how many; it waits while there is none, until the
// context ends (whose error it then returns).
func (e *Engine) Poll(ctx context.Context, events []Event) (int, error) {
	if len(events) == 0 {
		return 0, &Error{Code: InvalidArgument, Name: InvalidArgument.Name(), Message: "events must have room"}
	}
	wait := time.Duration(0)
	for {
		count, problem := e.poll(events, wait)
		if count != 0 || problem != nil {
			return count, problem
		}
		if problem := ctx.Err(); problem != nil {
			return 0, problem
		}
		wait = pollSlice
	}
}

func (e *Engine) poll(events []Event, wait time.Duration) (int, error) {
	var count C.size_t
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_poll(engine, (*C.bulkmsg_event)(unsafe.Pointer(&events[0])),
			C.size_t(unsafe.Sizeof(events[0])), C.size_t(len(events)), milliseconds(wait), &count, err)
	})
	return int(count), problem
}

// Events are sent to the channel as they come, until the context ends or the engine is closed; then it is closed. Ack
// the durable ones when they are dealt with. Poll is faster where every message's progress is wanted.
func (e *Engine) Events(ctx context.Context) <-chan Event {
	out := make(chan Event, 256)
	go func() {
		defer close(out)
		batch := make([]Event, 1024)
		for {
			count, problem := e.Poll(ctx, batch)
			if problem != nil {
				return
			}
			for _, event := range batch[:count] {
				select {
				case out <- event:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// Ack says that all durable events up to and including this id are dealt with.
func (e *Engine) Ack(id int64) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_ack(engine, C.int64_t(id), err)
	})
}

// Payload is what belongs to a durable event: a reply's text and context, the reason of a change. JSON.
func (e *Engine) Payload(id int64) (string, error) {
	return e.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_engine_event_payload(engine, C.int64_t(id), out, err)
	})
}

// PutSender adds or replaces a sender, a JSON object; secrets are named ("env:NAME", "file:PATH"), never given.
func (e *Engine) PutSender(json string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(json)
		return C.bulkmsg_sender_put(engine, text, length, out, err)
	})
}

// SenderHealth is what the provider says of a sender's number or account.
type SenderHealth struct {
	DisplayPhoneNumber string `json:"display_phone_number"`
	VerifiedName       string `json:"verified_name"`
	Status             string
	Quality            string
	Throughput         string
	MessagingLimit     string `json:"messaging_limit"`
}

// CheckSender asks the provider about the sender's number.
func (e *Engine) CheckSender(sender int64) (SenderHealth, error) { return e.checkSender(sender, "") }

// TrySender asks the provider about settings, as of PutSender, before they are put.
func (e *Engine) TrySender(json string) (SenderHealth, error) { return e.checkSender(0, json) }

func (e *Engine) checkSender(sender int64, json string) (health SenderHealth, problem error) {
	problem = e.json(&health, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(json)
		return C.bulkmsg_sender_check(engine, C.int64_t(sender), text, length, out, err)
	})
	return health, problem
}

// CampaignOptions of CreateCampaign and Edit; what is 0 or empty has its default. A draft may begin with a name alone.
type CampaignOptions struct {
	Name              string
	Sender            int64
	MoreSenders       []int64 // of the same channel and each another number; every recipient gets one of them
	Template          int64   // of the provider, or an own message
	Account           int64   // 0: metered only
	CreditsPerMessage int64   // 0: 1
	RequireConsent    string
	Agent, ReplyTo    string
	ContentRules      string
	Mapping           map[string]string // place in the content ("body.1") -> column, "first_name|friend" for empty cells
	Weight            int64             // 1..100: its share of the sender, against other campaigns'
	Urgent            bool              // before all that are not
	Hours             string            // when messages may leave, "mon-fri 09:00-20:00"
	HoursIn           string            // whose clock: "" the sender's, "recipient", a zone, "column:NAME"
	WhenUnconfirmed   string            // "hold", "resend" or "give_up", after UnconfirmedWait
	UnconfirmedWait   time.Duration
	Actor             string // for the history
}

func (o CampaignOptions) options() options {
	given := options{"name": o.Name, "require_consent": o.RequireConsent, "agent": o.Agent, "reply_to": o.ReplyTo,
		"content_rules": o.ContentRules, "hours": o.Hours, "hours_in": o.HoursIn,
		"when_unconfirmed": o.WhenUnconfirmed, "actor": o.Actor}
	given.number("sender", o.Sender).number("template", o.Template).number("account", o.Account)
	given.number("credits_per_message", o.CreditsPerMessage).number("weight", o.Weight).yes("urgent", o.Urgent)
	given.number("unconfirmed_wait_ms", o.UnconfirmedWait.Milliseconds())
	for i, id := range o.MoreSenders {
		if i > 0 {
			given["more_senders"] += ","
		}
		given["more_senders"] += strconv.FormatInt(id, 10)
	}
	for place, column := range o.Mapping {
		given["map."+place] = column
	}
	return given
}

// CreateCampaign makes a draft; what it still needs before it can start, its Status says.
func (e *Engine) CreateCampaign(o CampaignOptions) (*Campaign, error) {
	var id int64
	problem := withConfig(C.BULKMSG_CONFIG_CAMPAIGN, o.options(), func(config *C.bulkmsg_config) error {
		made, problem := e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_create(engine, config, out, err)
		})
		id = made
		return problem
	})
	if problem != nil {
		return nil, problem
	}
	return &Campaign{e, id}, nil
}

// Campaign is the one of that id; whether there is one shows at the first call.
func (e *Engine) Campaign(id int64) *Campaign { return &Campaign{e, id} }

// Campaigns are all of the store, oldest first; this is how a host finds what it left unfinished.
func (e *Engine) Campaigns() ([]*Campaign, error) {
	var all []*Campaign
	var page [100]C.int64_t
	after := C.int64_t(0)
	for {
		var count C.size_t
		problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_list(engine, after, &page[0], C.size_t(len(page)), &count, err)
		})
		if problem != nil || count == 0 {
			return all, problem
		}
		for _, id := range page[:count] {
			all = append(all, &Campaign{e, int64(id)})
		}
		after = page[count-1]
	}
}

// CampaignFilter chooses campaigns; what is empty does not count.
type CampaignFilter struct {
	State       CampaignState
	Agent       string
	Name        string // a part of it
	CreatedFrom time.Time
	Tests       bool // test sends, too
}

// FindCampaigns that fit, oldest first.
func (e *Engine) FindCampaigns(f CampaignFilter) *Rows[CampaignStatus] {
	given := options{"agent": f.Agent, "name": f.Name}.yes("tests", f.Tests)
	if f.State != 0 {
		given["state"] = f.State.String()
	}
	if !f.CreatedFrom.IsZero() {
		given.number("created_from_unix_ms", f.CreatedFrom.UnixMilli())
	}
	return rowsOf[CampaignStatus](e, C.BULKMSG_LIST_CAMPAIGNS, 0, given)
}

func (e *Engine) id(body func(*C.bulkmsg_engine, *C.int64_t, **C.bulkmsg_error) C.bulkmsg_status) (int64, error) {
	var out C.int64_t
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return body(engine, &out, err)
	})
	return int64(out), problem
}

func (e *Engine) text(body func(*C.bulkmsg_engine, **C.bulkmsg_text, **C.bulkmsg_error) C.bulkmsg_status) (string, error) {
	var out *C.bulkmsg_text
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return body(engine, &out, err)
	})
	if problem != nil {
		return "", problem
	}
	return takeText(out), nil
}
