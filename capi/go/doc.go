// Package bulkmsg is an embeddable engine for bulk messaging: it opens one file, takes recipients, a message and a
// sender, and delivers at the provider's limit, each person once, across crashes.
//
//	engine, err := bulkmsg.Open("shop.bulkmsg", bulkmsg.Options{})
//	defer engine.Close(5 * time.Second)
//	sender, err := engine.PutSender(senderJSON)
//	words, err := engine.PutTemplate(templateJSON)
//	campaign, err := engine.CreateCampaign(bulkmsg.CampaignOptions{Name: "spring", Sender: sender, Template: words})
//	report, err := campaign.ImportCSVFile("contacts.csv")
//	plan, err := campaign.Start(bulkmsg.StartOptions{})
//	for event := range engine.Events(ctx) { ... }
//	for rows := campaign.Messages(bulkmsg.MessageFilter{State: "failed"}); rows.Next(); { ... rows.Row() ... }
//
// Everything may be called from any goroutine, except a Limiter and a Table, which are for one at a time. A failed call
// returns an *Error; errors.Is(err, bulkmsg.NotFound) and the like ask for its code.
//
// A program names the module and where it lies:
//
//	require bulkmsg v0.1.0
//	replace bulkmsg => /path/to/capi/go
//
// The library is found by pkg-config (bulkmsg.pc, of the package libbulkmsg-dev; in a prefix P of your own:
// PKG_CONFIG_PATH=P/lib/pkgconfig, and LD_LIBRARY_PATH=P/lib to run); with the build tag bulkmsg_static its archive is
// linked instead.
package bulkmsg
