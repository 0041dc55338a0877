package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import "unsafe"

// AccountPlan says what an account is granted; what is 0 or empty has the default of bulkmsg_config_describe().
type AccountPlan struct {
	PerUserCredits, Users, AdditionalPhones int64
	TopUpPriceMicros                        int64
	BillingDay                              int64
	TimeZone                                string
	Key                                     string // the same key again does nothing
}

// PutAccount adds an account or changes its plan.
func (e *Engine) PutAccount(name string, plan AccountPlan) (int64, error) {
	given := options{"name": name, "time_zone": plan.TimeZone, "key": plan.Key}
	given.number("per_user_credits", plan.PerUserCredits).number("users", plan.Users)
	given.number("additional_phones", plan.AdditionalPhones).number("topup_price_micros", plan.TopUpPriceMicros)
	given.number("billing_day", plan.BillingDay)
	var id int64
	problem := withConfig(C.BULKMSG_CONFIG_ACCOUNT, given, func(config *C.bulkmsg_config) error {
		made, problem := e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_account_put(engine, config, out, err)
		})
		id = made
		return problem
	})
	return id, problem
}

// FindAccount is the id of the account of that name.
func (e *Engine) FindAccount(name string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(name)
		return C.bulkmsg_account_find(engine, text, length, out, err)
	})
}

// TopUp adds bought credits; the same key again adds nothing.
func (e *Engine) TopUp(account, credits int64, key string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(key)
		return C.bulkmsg_account_top_up(engine, C.int64_t(account), C.int64_t(credits), text, length, err)
	})
}

// Adjust adds credits, or takes them away, by hand; reason and actor are kept in the ledger.
func (e *Engine) Adjust(account, credits int64, reason, actor, key string) error {
	return e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		why, whyLen := chars(reason)
		who, whoLen := chars(actor)
		text, length := chars(key)
		return C.bulkmsg_account_adjust(engine, C.int64_t(account), C.int64_t(credits), why, whyLen, who, whoLen, text, length, err)
	})
}

// Balances: Granted + Bought + Adjusted = both Available + Reserved + Spent + Expired, always.
type Balances struct {
	Granted, Bought, Adjusted        int64
	AvailableMonthly, AvailableTopUp int64
	Reserved, Spent, Expired         int64
}

func balancesOf(b *C.bulkmsg_balances) Balances {
	return Balances{int64(b.granted), int64(b.bought), int64(b.adjusted), int64(b.available_monthly),
		int64(b.available_topup), int64(b.reserved), int64(b.spent), int64(b.expired)}
}

// Balances of an account.
func (e *Engine) Balances(account int64) (Balances, error) {
	var b C.bulkmsg_balances
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_account_balances(engine, C.int64_t(account), &b, C.size_t(unsafe.Sizeof(b)), err)
	})
	return balancesOf(&b), problem
}

// Audit recomputes the account from its ledger; StoreCorrupt when a sum differs.
func (e *Engine) Audit(account int64) (Balances, error) {
	var b C.bulkmsg_balances
	problem := e.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_account_audit(engine, C.int64_t(account), &b, C.size_t(unsafe.Sizeof(b)), err)
	})
	return balancesOf(&b), problem
}

// Account is its plan and what it has.
type Account struct {
	Account        int64 // its id
	Name           string
	RenewsAt       Time  `json:"renews_at_unix_ms"`
	MonthlyCredits int64 `json:"monthly_credits"`
	Available      int64
	Reserved       int64
	Spent          int64
	Uncollected    int64

	PerUserCredits   int64 `json:"per_user_credits"` // its plan
	Users            int64
	AdditionalPhones int64  `json:"additional_phones"`
	TopUpPriceMicros int64  `json:"topup_price_micros"`
	BillingDay       int64  `json:"billing_day"`
	TimeZone         string `json:"time_zone"`
}

// Accounts of the store.
func (e *Engine) Accounts() *Rows[Account] {
	return rowsOf[Account](e, C.BULKMSG_LIST_ACCOUNTS, 0, nil)
}

// Price is what a rate table (JSON, see examples/data/rates.json) asks for one message of this content: the
// CreditsPerMessage of a campaign.
func (e *Engine) Price(content int64, rates string) (int64, error) {
	return e.id(func(engine *C.bulkmsg_engine, out *C.int64_t, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(rates)
		return C.bulkmsg_account_price(engine, C.int64_t(content), text, length, out, err)
	})
}

// Estimate is what a campaign would cost; Micros are micro-dollars.
type Estimate struct {
	Messages, Credits, Micros int64
	Unpriced                  int64 // messages for which the table has no price
	Lines                     []struct {
		Destination, Category     string
		Messages, Credits, Micros int64
		Priced                    bool
	}
}

// Estimate of the campaign by a rate table.
func (c *Campaign) Estimate(rates string) (cost Estimate, problem error) {
	problem = c.json(&cost, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(rates)
		return C.bulkmsg_campaign_estimate(engine, C.int64_t(c.id), text, length, out, err)
	})
	return cost, problem
}

// LedgerEntry is one change of an account.
type LedgerEntry struct {
	ID       int64
	At       Time `json:"at_unix_ms"`
	Kind     string
	Credits  int64
	Bucket   string
	Period   int64
	Campaign int64 // 0: none
	Key      string
	Reason   string
	Actor    string
}

// Ledger of an account, oldest first.
func (e *Engine) Ledger(account int64) *Rows[LedgerEntry] {
	return rowsOf[LedgerEntry](e, C.BULKMSG_LIST_LEDGER, account, nil)
}
