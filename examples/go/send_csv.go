// Sends a template to everyone in a CSV file, and waits until every message is accounted for:
//
//	send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]
//
// Calls the C ABI through cgo; build it with CGO_CFLAGS and CGO_LDFLAGS that find bulkmsg.h and libbulkmsg.
package main

// #cgo LDFLAGS: -lbulkmsg
// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"
)

// Go strings and slices go in as pointer and length; nothing is kept after the call.
func bytesOf(text string) (*C.char, C.size_t) {
	if text == "" {
		return nil, 0
	}
	bytes := []byte(text)
	return (*C.char)(unsafe.Pointer(&bytes[0])), C.size_t(len(bytes))
}

func check(status C.bulkmsg_status, err *C.bulkmsg_error, doing string) {
	if status == C.BULKMSG_OK {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s [%s]\n", doing, C.GoString(C.bulkmsg_error_message(err, nil)),
		C.GoString(C.bulkmsg_status_name(status)))
	os.Exit(1)
}

func config(kind C.int32_t, options ...string) *C.bulkmsg_config {
	var made *C.bulkmsg_config
	var err *C.bulkmsg_error
	check(C.bulkmsg_config_create(kind, &made, &err), err, "config")
	for i := 0; i < len(options); i += 2 {
		key, keyLen := bytesOf(options[i])
		value, valueLen := bytesOf(options[i+1])
		check(C.bulkmsg_config_set(made, key, keyLen, value, valueLen, &err), err, options[i])
	}
	return made
}

func fileText(path string) string {
	text, problem := os.ReadFile(path)
	if problem != nil {
		fmt.Fprintln(os.Stderr, problem)
		os.Exit(1)
	}
	return string(text)
}

func takeEvents(engine *C.bulkmsg_engine, timeoutMs int64) int {
	var events [256]C.bulkmsg_event
	var count C.size_t
	var err *C.bulkmsg_error
	check(C.bulkmsg_engine_poll(engine, &events[0], C.size_t(unsafe.Sizeof(events[0])), 256, C.int64_t(timeoutMs), &count,
		&err), err, "poll")
	var last C.int64_t
	for _, event := range events[:count] {
		if event.id != 0 {
			last = event.id // durable: comes again until acknowledged
		}
	}
	if last != 0 {
		check(C.bulkmsg_engine_ack(engine, last, &err), err, "acknowledge")
	}
	return int(count)
}

func main() {
	if len(os.Args) != 5 && len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]")
		os.Exit(2)
	}
	var err *C.bulkmsg_error
	var engine *C.bulkmsg_engine
	var sender, content, account, campaign C.int64_t
	var state C.int32_t

	options := config(C.BULKMSG_CONFIG_ENGINE, "path", os.Args[1])
	check(C.bulkmsg_engine_open(options, &engine, &err), err, os.Args[1])
	C.bulkmsg_config_destroy(options)

	text, length := bytesOf(fileText(os.Args[2]))
	check(C.bulkmsg_sender_put(engine, text, length, &sender, &err), err, os.Args[2])
	text, length = bytesOf(fileText(os.Args[3]))
	check(C.bulkmsg_template_put(engine, text, length, &content, &err), err, os.Args[3])
	options = config(C.BULKMSG_CONFIG_ACCOUNT, "name", "send_csv", "users", "5")
	check(C.bulkmsg_account_put(engine, options, &account, &err), err, "account")
	C.bulkmsg_config_destroy(options)

	options = config(C.BULKMSG_CONFIG_CAMPAIGN, "name", os.Args[4], "sender", strconv.FormatInt(int64(sender), 10),
		"template", strconv.FormatInt(int64(content), 10), "account", strconv.FormatInt(int64(account), 10))
	check(C.bulkmsg_campaign_create(engine, options, &campaign, &err), err, "campaign")
	C.bulkmsg_config_destroy(options)
	var report C.bulkmsg_import_report
	text, length = bytesOf(os.Args[4])
	check(C.bulkmsg_campaign_import_csv_file(engine, campaign, text, length, &report, C.size_t(unsafe.Sizeof(report)),
		&err), err, os.Args[4])
	fmt.Printf("%d rows: %d added, %d duplicates, %d rejected\n", report.rows, report.added, report.duplicates,
		report.rejected)
	if len(os.Args) == 6 {
		text, length = bytesOf(os.Args[5])
		check(C.bulkmsg_webhook_listen(engine, text, length, nil, &err), err, os.Args[5])
	}
	check(C.bulkmsg_campaign_start(engine, campaign, nil, nil, 0, &err), err, "start")

	for state < C.BULKMSG_CAMPAIGN_COMPLETED && state != C.BULKMSG_CAMPAIGN_PAUSED {
		takeEvents(engine, 1000)
		check(C.bulkmsg_campaign_state(engine, campaign, &state, &err), err, "campaign state")
	}
	for len(os.Args) == 6 && takeEvents(engine, 3000) > 0 { // receipts: until none came for three seconds
	}
	var c C.bulkmsg_counters
	check(C.bulkmsg_campaign_counters(engine, campaign, &c, C.size_t(unsafe.Sizeof(c)), &err), err, "counters")
	fmt.Printf("total %d\nsent %d\nfailed %d\nunconfirmed %d\nskipped %d\nqueued %d\n", c.total, c.sent, c.failed,
		c.unconfirmed, c.skipped, c.queued)
	fmt.Printf("delivered %d\nread %d\nundelivered %d\ncredits_spent %d\n", c.delivered, c.read, c.undelivered,
		c.credits_spent)
	check(C.bulkmsg_engine_close(engine, 5000, &err), err, "close")
	C.bulkmsg_engine_destroy(engine)
	if state != C.BULKMSG_CAMPAIGN_COMPLETED || c.unconfirmed != 0 {
		os.Exit(3)
	}
}
