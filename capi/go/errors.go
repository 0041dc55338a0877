package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import "time"

// Status is the code of a failed call; it is an error by itself, for errors.Is. New codes may appear.
type Status int32

// The codes. 1xxx: change the call; 2xxx: fix the input; 3xxx: wait or buy; 4xxx: the network; 5xxx: the provider said
// no; 6xxx: the store; 9xxx: no memory or a bug.
const (
	InvalidArgument      Status = C.BULKMSG_E_INVALID_ARGUMENT
	WrongState           Status = C.BULKMSG_E_WRONG_STATE
	NotFound             Status = C.BULKMSG_E_NOT_FOUND
	Conflict             Status = C.BULKMSG_E_CONFLICT
	Closed               Status = C.BULKMSG_E_CLOSED
	Forked               Status = C.BULKMSG_E_FORKED
	UnknownOption        Status = C.BULKMSG_E_UNKNOWN_OPTION
	BadOptionValue       Status = C.BULKMSG_E_BAD_OPTION_VALUE
	ReadOnly             Status = C.BULKMSG_E_READ_ONLY
	SecretMissing        Status = C.BULKMSG_E_SECRET_MISSING
	FileUnreadable       Status = C.BULKMSG_E_FILE_UNREADABLE
	CSVEmpty             Status = C.BULKMSG_E_CSV_EMPTY
	CSVNoPhoneColumn     Status = C.BULKMSG_E_CSV_NO_PHONE_COLUMN
	CSVBadHeader         Status = C.BULKMSG_E_CSV_BAD_HEADER
	TextNotUTF8          Status = C.BULKMSG_E_TEXT_NOT_UTF8
	RowTooLong           Status = C.BULKMSG_E_ROW_TOO_LONG
	RowHasExtraCells     Status = C.BULKMSG_E_ROW_HAS_EXTRA_CELLS
	RowHasMissingCells   Status = C.BULKMSG_E_ROW_HAS_MISSING_CELLS
	CSVUnclosedQuote     Status = C.BULKMSG_E_CSV_UNCLOSED_QUOTE
	PhoneMissing         Status = C.BULKMSG_E_PHONE_MISSING
	PhoneHasLetters      Status = C.BULKMSG_E_PHONE_HAS_LETTERS
	PhoneTooShort        Status = C.BULKMSG_E_PHONE_TOO_SHORT
	PhoneTooLong         Status = C.BULKMSG_E_PHONE_TOO_LONG
	PhoneUnknownCountry  Status = C.BULKMSG_E_PHONE_UNKNOWN_COUNTRY
	PhoneNeedsCountry    Status = C.BULKMSG_E_PHONE_NEEDS_COUNTRY
	AddressMalformed     Status = C.BULKMSG_E_ADDRESS_MALFORMED
	AddressNotForChannel Status = C.BULKMSG_E_ADDRESS_NOT_FOR_CHANNEL
	RowMalformed         Status = C.BULKMSG_E_ROW_MALFORMED
	DuplicateRecipient   Status = C.BULKMSG_E_DUPLICATE_RECIPIENT
	RecipientSuppressed  Status = C.BULKMSG_E_RECIPIENT_SUPPRESSED
	ConsentMissing       Status = C.BULKMSG_E_CONSENT_MISSING
	RecipientForTests    Status = C.BULKMSG_E_RECIPIENT_FOR_TESTS
	WindowClosed         Status = C.BULKMSG_E_WINDOW_CLOSED
	ParameterMissing     Status = C.BULKMSG_E_PARAMETER_MISSING
	ParameterNotAllowed  Status = C.BULKMSG_E_PARAMETER_NOT_ALLOWED
	ParameterTooLong     Status = C.BULKMSG_E_PARAMETER_TOO_LONG
	ColumnMissing        Status = C.BULKMSG_E_COLUMN_MISSING
	TemplateMalformed    Status = C.BULKMSG_E_TEMPLATE_MALFORMED
	TemplateNotApproved  Status = C.BULKMSG_E_TEMPLATE_NOT_APPROVED
	TemplateNotSupported Status = C.BULKMSG_E_TEMPLATE_NOT_SUPPORTED
	MessageMalformed     Status = C.BULKMSG_E_MESSAGE_MALFORMED
	ContentBlocked       Status = C.BULKMSG_E_CONTENT_BLOCKED
	JSONMalformed        Status = C.BULKMSG_E_JSON_MALFORMED
	SegmentMalformed     Status = C.BULKMSG_E_SEGMENT_MALFORMED
	ChannelMalformed     Status = C.BULKMSG_E_CHANNEL_MALFORMED
	AttributeMismatch    Status = C.BULKMSG_E_ATTRIBUTE_MISMATCH
	SignatureMismatch    Status = C.BULKMSG_E_SIGNATURE_MISMATCH
	TooLarge             Status = C.BULKMSG_E_TOO_LARGE
	MediaNotSupported    Status = C.BULKMSG_E_MEDIA_NOT_SUPPORTED
	CreditsShort         Status = C.BULKMSG_E_CREDITS_SHORT
	QueueFull            Status = C.BULKMSG_E_QUEUE_FULL
	RateLimited          Status = C.BULKMSG_E_RATE_LIMITED
	ConnectFailed        Status = C.BULKMSG_E_CONNECT_FAILED
	TLSFailed            Status = C.BULKMSG_E_TLS_FAILED
	TimedOut             Status = C.BULKMSG_E_TIMED_OUT
	ConnectionLost       Status = C.BULKMSG_E_CONNECTION_LOST
	ProviderRefused      Status = C.BULKMSG_E_PROVIDER_REFUSED
	ProviderUnreadable   Status = C.BULKMSG_E_PROVIDER_UNREADABLE
	TokenRejected        Status = C.BULKMSG_E_TOKEN_REJECTED
	StoreFailed          Status = C.BULKMSG_E_STORE_FAILED
	StoreNewer           Status = C.BULKMSG_E_STORE_NEWER
	StoreInUse           Status = C.BULKMSG_E_STORE_IN_USE
	StoreForeign         Status = C.BULKMSG_E_STORE_FOREIGN
	StoreCorrupt         Status = C.BULKMSG_E_STORE_CORRUPT
	Internal             Status = C.BULKMSG_E_INTERNAL
	OutOfMemory          Status = C.BULKMSG_E_OUT_OF_MEMORY
)

// Error says what the code means.
func (s Status) Error() string { return C.GoString(C.bulkmsg_status_message(C.bulkmsg_status(s))) }

// Name is the code's, "wrong_state".
func (s Status) Name() string { return C.GoString(C.bulkmsg_status_name(C.bulkmsg_status(s))) }

// Error is a call that failed.
type Error struct {
	Code         Status
	Name         string
	Message      string        // what, where, what to do
	Retryable    bool          // the same call may succeed later with nothing changed
	RetryAfter   time.Duration // 0: not known
	ProviderCode int           // 0: none
}

func (e *Error) Error() string { return e.Message + " [" + e.Name + "]" }

// Is makes errors.Is(err, bulkmsg.NotFound) work.
func (e *Error) Is(target error) bool {
	code, isCode := target.(Status)
	return isCode && code == e.Code
}

// Turns a status into an error, and gives the details back.
func failure(status C.bulkmsg_status, err *C.bulkmsg_error) error {
	if status == C.BULKMSG_OK {
		return nil
	}
	code := Status(status)
	if err == nil {
		return &Error{Code: code, Name: code.Name(), Message: code.Error()}
	}
	defer C.bulkmsg_error_destroy(err)
	return &Error{
		Code:         code,
		Name:         code.Name(),
		Message:      C.GoString(C.bulkmsg_error_message(err, nil)),
		Retryable:    C.bulkmsg_error_retryable(err) != 0,
		RetryAfter:   time.Duration(C.bulkmsg_error_retry_after_ms(err)) * time.Millisecond,
		ProviderCode: int(C.bulkmsg_error_provider_code(err)),
	}
}
