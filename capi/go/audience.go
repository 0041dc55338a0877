package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import "strings"

// Addresses are given as people write them: "+55 11 98765-4321", "group:ID", "user:ID", "chat:ID".

// ContactsOptions say what all contacts of an import are given.
type ContactsOptions struct {
	Labels        []string
	Group         string // a static group that they join; made when missing
	ConsentSource string // they have agreed to marketing, and this is where
	Test, Sandbox bool
}

// ContactsReport says how an import of contacts went: Rows = Added + Updated + Rejected.
type ContactsReport struct {
	Rows, Added, Updated, Rejected int64
	Problems                       []RowProblem // the first 1,000
}

// RowProblem is a row that was left out; Line and Column count from 1, Column 0 is the whole row.
type RowProblem struct {
	Line, Column int64
	ColumnName   string `json:"column_name"`
	Code         Status
	Reason       string
	Address      string
}

func (o ContactsOptions) options() options {
	given := options{"labels": strings.Join(o.Labels, ";"), "group": o.Group, "consent_source": o.ConsentSource}
	return given.yes("test", o.Test).yes("sandbox", o.Sandbox)
}

// ImportContactsCSV stores or updates contacts; phone_number is required, other columns are attributes.
func (e *Engine) ImportContactsCSV(csv string, o ContactsOptions) (report ContactsReport, problem error) {
	problem = withConfig(C.BULKMSG_CONFIG_CONTACTS, o.options(), func(config *C.bulkmsg_config) error {
		return e.json(&report, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			data, length := chars(csv)
			return C.bulkmsg_contacts_import_csv(engine, data, length, config, out, err)
		})
	})
	return report, problem
}

// ImportContactsCSVFile is the same from a file, read in pieces.
func (e *Engine) ImportContactsCSVFile(path string, o ContactsOptions) (report ContactsReport, problem error) {
	problem = withConfig(C.BULKMSG_CONFIG_CONTACTS, o.options(), func(config *C.bulkmsg_config) error {
		return e.json(&report, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			name, length := chars(path)
			return C.bulkmsg_contacts_import_csv_file(engine, name, length, config, out, err)
		})
	})
	return report, problem
}

// CountContacts of a segment or group; of all contacts for "".
func (e *Engine) CountContacts(selection string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(selection)
		return C.bulkmsg_contacts_count(engine, name, length, out, err)
	})
}

// Contact is a stored person.
type Contact struct {
	ID            int64
	Address       string
	Attributes    map[string]interface{}
	Labels        []string
	Test, Sandbox bool
}

// Contacts of a segment or group; all for "".
func (e *Engine) Contacts(selection string) *Rows[Contact] {
	return rowsOf[Contact](e, C.BULKMSG_LIST_CONTACTS, 0, options{"selection": selection})
}

// Attribute of contacts.
type Attribute struct {
	Name, Type string
	Indexed    bool
}

// Attributes that are declared.
func (e *Engine) Attributes() *Rows[Attribute] {
	return rowsOf[Attribute](e, C.BULKMSG_LIST_ATTRIBUTES, 0, nil)
}

// DeclareAttribute of kind "text", "number", "date" or "boolean".
func (e *Engine) DeclareAttribute(name, kind string, indexed bool) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		word, wordLen := chars(kind)
		return C.bulkmsg_attribute_declare(engine, key, keyLen, word, wordLen, flag(indexed), err)
	})
}

// PutSegment stores conditions: {"all": [{"attribute": "city", "is": "Lisbon"}]}.
func (e *Engine) PutSegment(name, json string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		text, textLen := chars(json)
		return C.bulkmsg_segment_put(engine, key, keyLen, text, textLen, err)
	})
}

// AddToGroup adds stored contacts to a static group, made when missing.
func (e *Engine) AddToGroup(group string, addresses ...string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		name, nameLen := chars(group)
		text, textLen := chars(strings.Join(addresses, "\n"))
		return C.bulkmsg_segment_add(engine, name, nameLen, text, textLen, err)
	})
}

// RemoveSegment removes a segment or group; its contacts stay.
func (e *Engine) RemoveSegment(name string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		key, keyLen := chars(name)
		return C.bulkmsg_segment_remove(engine, key, keyLen, err)
	})
}

// Segment is a segment, or a group when Conditions is nil.
type Segment struct {
	Name       string
	Conditions map[string]interface{}
	Contacts   int64 // of a group
}

// Segments and groups.
func (e *Engine) Segments() *Rows[Segment] {
	return rowsOf[Segment](e, C.BULKMSG_LIST_SEGMENTS, 0, nil)
}

// SuppressOptions say from what, and who said so; empty: from everything, by the own list.
type SuppressOptions struct {
	Scope  string // "all" or "marketing"
	Source string // "own_list", "stop_word", "platform_preference", "provider_error"
	Note   string
}

func (o SuppressOptions) options() options {
	return options{"scope": o.Scope, "source": o.Source, "note": o.Note}
}

// Suppress: these people are not to be written to, in running campaigns either. One address that cannot be read leaves
// the list as it was, and is named.
func (e *Engine) Suppress(o SuppressOptions, addresses ...string) error {
	return withConfig(C.BULKMSG_CONFIG_SUPPRESSION, o.options(), func(config *C.bulkmsg_config) error {
		return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			whom, length := chars(strings.Join(addresses, "\n"))
			return C.bulkmsg_suppression_put(engine, whom, length, config, err)
		})
	})
}

// LiftSuppression takes back what the own list and stop words said, or what the Source said.
func (e *Engine) LiftSuppression(o SuppressOptions, address string) error {
	return withConfig(C.BULKMSG_CONFIG_SUPPRESSION, o.options(), func(config *C.bulkmsg_config) error {
		return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			whom, length := chars(address)
			return C.bulkmsg_suppression_lift(engine, whom, length, config, err)
		})
	})
}

// Suppression is one source's word on one person.
type Suppression struct {
	Person        int64
	Address       string
	Scope, Source string
	Note          string
	At            Time `json:"at_unix_ms"`
}

// Suppressions of everybody, or of the one with this address.
func (e *Engine) Suppressions(address string) *Rows[Suppression] {
	return rowsOf[Suppression](e, C.BULKMSG_LIST_SUPPRESSIONS, 0, options{"address": address})
}

// ConsentChange is one change of suppressions, consent or identities.
type ConsentChange struct {
	ID           int64
	At           Time `json:"at_unix_ms"`
	Address      string
	What, Source string
	Old, Now     string
	Note         string
}

// ConsentLog has every change, oldest first.
func (e *Engine) ConsentLog() *Rows[ConsentChange] {
	return rowsOf[ConsentChange](e, C.BULKMSG_LIST_CONSENT_LOG, 0, nil)
}

// PutConsent records a person's own word. source: where and how they said it.
func (e *Engine) PutConsent(address string, granted bool, scope, source string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		whom, whomLen := chars(address)
		what, whatLen := chars(scope)
		where, whereLen := chars(source)
		return C.bulkmsg_consent_put(engine, whom, whomLen, flag(granted), what, whatLen, where, whereLen, err)
	})
}

func (e *Engine) json(to interface{}, body func(*C.bulkmsg_engine, **C.bulkmsg_text, **C.bulkmsg_error) C.bulkmsg_status) error {
	var out *C.bulkmsg_text
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return body(engine, &out, err)
	})
	if problem != nil {
		return problem
	}
	return takeJSON(out, to)
}
