package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

// CampaignState is where a campaign stands; from Completed on it is final.
type CampaignState int32

// Values of CampaignState.
const (
	CampaignDraft     CampaignState = C.BULKMSG_CAMPAIGN_DRAFT
	CampaignScheduled CampaignState = C.BULKMSG_CAMPAIGN_SCHEDULED
	CampaignStarting  CampaignState = C.BULKMSG_CAMPAIGN_STARTING
	CampaignSending   CampaignState = C.BULKMSG_CAMPAIGN_SENDING
	CampaignPaused    CampaignState = C.BULKMSG_CAMPAIGN_PAUSED
	CampaignCompleted CampaignState = C.BULKMSG_CAMPAIGN_COMPLETED
	CampaignStopped   CampaignState = C.BULKMSG_CAMPAIGN_STOPPED
	CampaignFailed    CampaignState = C.BULKMSG_CAMPAIGN_FAILED
)

// IsFinal says that nothing more is sent; receipts are still taken.
func (s CampaignState) IsFinal() bool { return s >= CampaignCompleted }

// MessageState is what is known of one message; Retry and Attempting count as queued.
type MessageState int32

// Values of MessageState.
const (
	MessageQueued      MessageState = C.BULKMSG_MESSAGE_QUEUED
	MessageRetry       MessageState = C.BULKMSG_MESSAGE_RETRY
	MessageAccepted    MessageState = C.BULKMSG_MESSAGE_ACCEPTED
	MessageRefused     MessageState = C.BULKMSG_MESSAGE_REFUSED
	MessageUnconfirmed MessageState = C.BULKMSG_MESSAGE_UNCONFIRMED
	MessageSkipped     MessageState = C.BULKMSG_MESSAGE_SKIPPED
	MessageAttempting  MessageState = C.BULKMSG_MESSAGE_ATTEMPTING
)

// Receipt is the highest rank of what the provider said later.
type Receipt int32

// Values of Receipt.
const (
	ReceiptNone      Receipt = C.BULKMSG_RECEIPT_NONE
	ReceiptSent      Receipt = C.BULKMSG_RECEIPT_SENT
	ReceiptFailed    Receipt = C.BULKMSG_RECEIPT_FAILED
	ReceiptDelivered Receipt = C.BULKMSG_RECEIPT_DELIVERED
	ReceiptRead      Receipt = C.BULKMSG_RECEIPT_READ
)

// EventKind says what an event tells; pass over kinds that you do not know.
type EventKind int32

// Values of EventKind.
const (
	EventCampaignChanged EventKind = C.BULKMSG_EVENT_CAMPAIGN_CHANGED
	EventReply           EventKind = C.BULKMSG_EVENT_REPLY
	EventMessage         EventKind = C.BULKMSG_EVENT_MESSAGE
	EventResync          EventKind = C.BULKMSG_EVENT_RESYNC
	EventOptOut          EventKind = C.BULKMSG_EVENT_OPT_OUT
	EventNotice          EventKind = C.BULKMSG_EVENT_NOTICE
)

// Format is what recipients are read from.
type Format int32

// Values of Format.
const (
	FormatCSV  Format = C.BULKMSG_FORMAT_CSV
	FormatJSON Format = C.BULKMSG_FORMAT_JSON
	FormatList Format = C.BULKMSG_FORMAT_LIST
)
