"""The numbers of the C ABI; a test compares them with bulkmsg.h."""

from enum import IntEnum


class Status(IntEnum):
    """What a call returned. Keep a default branch: new codes may appear."""

    OK = 0
    INVALID_ARGUMENT = 1001
    WRONG_STATE = 1002
    NOT_FOUND = 1003
    CONFLICT = 1004
    CLOSED = 1005
    FORKED = 1006
    UNKNOWN_OPTION = 1007
    BAD_OPTION_VALUE = 1008
    READ_ONLY = 1009
    SECRET_MISSING = 1010
    FILE_UNREADABLE = 2001
    CSV_EMPTY = 2002
    CSV_NO_PHONE_COLUMN = 2003
    CSV_BAD_HEADER = 2004
    TEXT_NOT_UTF8 = 2005
    ROW_TOO_LONG = 2006
    ROW_HAS_EXTRA_CELLS = 2007
    ROW_HAS_MISSING_CELLS = 2008
    CSV_UNCLOSED_QUOTE = 2009
    PHONE_MISSING = 2010
    PHONE_HAS_LETTERS = 2011
    PHONE_TOO_SHORT = 2012
    PHONE_TOO_LONG = 2013
    PHONE_UNKNOWN_COUNTRY = 2014
    PHONE_NEEDS_COUNTRY = 2015
    ADDRESS_MALFORMED = 2016
    ADDRESS_NOT_FOR_CHANNEL = 2017
    ROW_MALFORMED = 2018
    DUPLICATE_RECIPIENT = 2020
    RECIPIENT_SUPPRESSED = 2021
    CONSENT_MISSING = 2022
    RECIPIENT_FOR_TESTS = 2023
    WINDOW_CLOSED = 2024
    PARAMETER_MISSING = 2030
    PARAMETER_NOT_ALLOWED = 2031
    PARAMETER_TOO_LONG = 2032
    COLUMN_MISSING = 2033
    TEMPLATE_MALFORMED = 2040
    TEMPLATE_NOT_APPROVED = 2041
    TEMPLATE_NOT_SUPPORTED = 2042
    MESSAGE_MALFORMED = 2043
    CONTENT_BLOCKED = 2044
    JSON_MALFORMED = 2050
    SEGMENT_MALFORMED = 2051
    CHANNEL_MALFORMED = 2052
    ATTRIBUTE_MISMATCH = 2053
    SIGNATURE_MISMATCH = 2060
    TOO_LARGE = 2061
    MEDIA_NOT_SUPPORTED = 2062
    CREDITS_SHORT = 3001
    QUEUE_FULL = 3002
    RATE_LIMITED = 3003
    CONNECT_FAILED = 4001
    TLS_FAILED = 4002
    TIMED_OUT = 4003
    CONNECTION_LOST = 4004
    PROVIDER_REFUSED = 5001
    PROVIDER_UNREADABLE = 5002
    TOKEN_REJECTED = 5003
    STORE_FAILED = 6001
    STORE_NEWER = 6002
    STORE_IN_USE = 6003
    STORE_FOREIGN = 6004
    STORE_CORRUPT = 6005
    INTERNAL = 9001
    OUT_OF_MEMORY = 9002


class ConfigKind(IntEnum):
    """What a set of options configures; the values of ListKind are kinds, too."""

    ENGINE = 1
    CAMPAIGN = 2
    ACCOUNT = 3
    START = 4
    IMPORT = 5
    CONTACTS = 6
    MEDIA = 7
    PREVIEW = 8
    COMMAND = 9
    SCHEDULE = 10
    TEST_SEND = 11
    RESOLVE = 12
    RETRY = 13
    SUPPRESSION = 14


class ListKind(IntEnum):
    """What can be listed, and the kinds of the filters of these lists."""

    TEMPLATES = 101
    OWN_MESSAGES = 102
    MEDIA = 103
    ACCOUNTS = 104
    LEDGER = 105
    CAMPAIGNS = 106
    MESSAGES = 107
    PARTICIPANTS = 108
    REJECTED = 109
    HISTORY = 110
    REPLIES = 111
    EVENTS = 112
    CONTACTS = 113
    ATTRIBUTES = 114
    SEGMENTS = 115
    SUPPRESSIONS = 116
    CONSENT_LOG = 117


class Format(IntEnum):
    """What recipients are read from."""

    CSV = 1
    JSON = 2
    LIST = 3


class CampaignState(IntEnum):
    """A campaign's life; from COMPLETED on it is final."""

    DRAFT = 1
    SCHEDULED = 2
    STARTING = 3
    SENDING = 4
    PAUSED = 5
    COMPLETED = 6
    STOPPED = 7
    FAILED = 8

    @property
    def is_final(self) -> bool:
        return self >= CampaignState.COMPLETED


class MessageState(IntEnum):
    """What is known of one message. RETRY and ATTEMPTING count as queued."""

    QUEUED = 0
    RETRY = 1
    ACCEPTED = 2
    REFUSED = 3
    UNCONFIRMED = 4
    SKIPPED = 5
    ATTEMPTING = 6


class Receipt(IntEnum):
    """A receipt's rank: the highest seen wins."""

    NONE = 0
    SENT = 1
    FAILED = 2
    DELIVERED = 3
    READ = 4


class EventKind(IntEnum):
    """What an event tells. Pass over kinds that you do not know."""

    CAMPAIGN_CHANGED = 1
    REPLY = 2
    MESSAGE = 3
    RESYNC = 4
    OPT_OUT = 5
    NOTICE = 6
