package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

func init() {
	if C.bulkmsg_abi_check(C.BULKMSG_VERSION_NUMBER, C.size_t(unsafe.Sizeof(Event{}))) != C.BULKMSG_OK {
		panic("bulkmsg: the library is version " + C.GoString(C.bulkmsg_version_text()) +
			", which this package was not built for")
	}
}

// Version is the library's, "0.1.0".
func Version() string { return C.GoString(C.bulkmsg_version_text()) }

// The bytes of a text where they are; nothing is kept after a call.
func chars(text string) (*C.char, C.size_t) {
	if len(text) == 0 {
		return nil, 0
	}
	return *(**C.char)(unsafe.Pointer(&text)), C.size_t(len(text))
}

func charsOf(bytes []byte) (*C.char, C.size_t) {
	if len(bytes) == 0 {
		return nil, 0
	}
	return (*C.char)(unsafe.Pointer(&bytes[0])), C.size_t(len(bytes))
}

func takeText(text *C.bulkmsg_text) string {
	defer C.bulkmsg_text_destroy(text)
	var length C.size_t
	data := C.bulkmsg_text_data(text, &length)
	return C.GoStringN(data, C.int(length))
}

func takeJSON(text *C.bulkmsg_text, to interface{}) error {
	if problem := json.Unmarshal([]byte(takeText(text)), to); problem != nil {
		return fmt.Errorf("bulkmsg: %w", problem)
	}
	return nil
}

func milliseconds(d time.Duration) C.int64_t {
	if d < 0 {
		return 0
	}
	return C.int64_t(d.Milliseconds())
}

func flag(yes bool) C.int32_t {
	if yes {
		return 1
	}
	return 0
}

// An engine's handle. Calls hold it for reading, so that it is not given back under them.
type handle struct {
	lock   sync.RWMutex
	engine *C.bulkmsg_engine
}

func (h *handle) call(body func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status) error {
	h.lock.RLock()
	defer h.lock.RUnlock()
	if h.engine == nil {
		return &Error{Code: Closed, Name: "closed", Message: "this engine was closed; open it again"}
	}
	var err *C.bulkmsg_error
	status := body(h.engine, &err)
	runtime.KeepAlive(h)
	return failure(status, err)
}

// Options by name; what is empty stays at its default.
type options map[string]string

func (o options) number(key string, value int64) options {
	if value != 0 {
		o[key] = strconv.FormatInt(value, 10)
	}
	return o
}

func (o options) yes(key string, value bool) options {
	if value {
		o[key] = "true"
	}
	return o
}

func withConfig(kind C.int32_t, given options, body func(config *C.bulkmsg_config) error) error {
	var config *C.bulkmsg_config
	var err *C.bulkmsg_error
	if problem := failure(C.bulkmsg_config_create(kind, &config, &err), err); problem != nil {
		return problem
	}
	defer C.bulkmsg_config_destroy(config)
	for key, value := range given {
		if value == "" {
			continue
		}
		name, nameLen := chars(key)
		text, textLen := chars(value)
		if problem := failure(C.bulkmsg_config_set(config, name, nameLen, text, textLen, &err), err); problem != nil {
			return problem
		}
	}
	return body(config)
}
