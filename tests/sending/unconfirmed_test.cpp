// Messages that may have gone, on virtual time: the shipped sender, SQL, merging and rules; receipts that come late,
// early or never.
#include "store/unconfirmed.hpp"

#include <random>

#include "inbound/merge.hpp"
#include "store/campaigns.hpp"
#include "store/reports.hpp"
#include "virtual_world.hpp"

namespace bulkmsg::testing {
namespace {

constexpr nanoseconds_t hour = 3600 * second;
constexpr std::int64_t wait_ms = 60'000;

// A campaign whose rule is kept as the engine keeps it: a job now and then, and the sender is told what it queued.
struct ruled_world : world {
  explicit ruled_world(int count, unconfirmed_rule rule, std::string limits = "in-flight=1000; 100/s")
      : world(count, std::move(limits)) {
    store::database db(path(), store::database::access::write);
    store::set_rule(db, 1, rule, wait_ms);
  }

  process& live() {
    auto& p = open();
    opened_ms = wall_ms();
    keep(p);
    return p;
  }
  void keep(process& p) {
    p.executor().at(time.now() + second, [this, &p] {
      auto turn = std::make_shared<store::rule_turn>();
      p.writer().submit([=, this](store::database& db) { *turn = store::keep_rules(db, wall_ms(), opened_ms); },
                        [=, this, &p](const error* failed) {
                          if (!failed) {
                            for (const auto id : turn->queued) p.sender().look_again({id});
                            ended = ended || !turn->ended.empty();
                          }
                          keep(p);
                        });
    });
  }
  // The provider tells of a request, after a while.
  void tell(process& p, const arrival& a, nanoseconds_t after, const char* status = "delivered") {
    p.executor().at(time.now() + after, [this, &p, key = a.key, status] {
      std::string callback;
      key.append_to(callback);
      const auto body =
          R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{)"
          R"("statuses":[{"id":"wamid.x","status":")" +
          std::string(status) + R"(","timestamp":"1800000000","biz_opaque_callback_data":")" + callback +
          R"("}]}}]}]})";
      p.writer().submit(
          [=, this](store::database& db) {
            inbound::append(db, body, wall_ms());
            if (merges) static_cast<void>(inbound::merge(db, 7, wall_ms(), {.opened_at_ms = opened_ms}));
          },
          [](const error*) {});
    });
  }
  [[nodiscard]] std::int64_t wall_ms() const { return time.wall() / millisecond; }
  std::string address_of(std::uint32_t sequence) { return number(static_cast<int>(sequence)); }

  std::int64_t opened_ms = 0;
  bool ended = false;
  bool merges = true;
};

// total = queued + sent + failed + unconfirmed + skipped by rows, and every credit in its place.
void expect_books(ruled_world& w) {
  auto& db = w.running->reader();
  const auto c = w.running->count();
  const auto rows = [&](const char* where) { return db.number(where); };
  EXPECT_EQ(c.sent, rows("SELECT count(*) FROM messages WHERE state = 2"));
  EXPECT_EQ(c.failed, rows("SELECT count(*) FROM messages WHERE state = 3"));
  EXPECT_EQ(c.unconfirmed, rows("SELECT count(*) FROM messages WHERE state = 4"));
  EXPECT_EQ(c.skipped, rows("SELECT count(*) FROM messages WHERE state = 5"));
  EXPECT_EQ(c.queued(), rows("SELECT count(*) FROM plan LEFT JOIN messages m ON m.id = plan.id "
                             "WHERE m.id IS NULL OR m.state IN (1, 6)"));
  const auto account = store::read_account(db, 1);
  EXPECT_NO_THROW(static_cast<void>(store::audit(db, 1)));
  EXPECT_EQ(account.balances.spent + account.uncollected, c.sent);
  EXPECT_EQ(store::read_reservation(db, 1).held(), c.queued() + c.unconfirmed);
}

TEST(unconfirmed, a_receipt_before_the_answer_is_stored_settles_it_whatever_the_answer) {
  ruled_world w(40, unconfirmed_rule::hold);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t nth) {
    w.tell(p, a, millisecond, "read");
    auto v = nth % 3 == 0 ? lose(true) : nth % 3 == 1 ? accept() : verdict{net::fate::answered, 502, "<html>", true, 0};
    v.latency = 5 * second;  // the receipt is durable long before
    return v;
  };
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 40);
  EXPECT_EQ(p.count().read, 40);
  EXPECT_EQ(p.count().unconfirmed, 0);
  EXPECT_EQ(w.books.arrivals.size(), 40u);
  expect_books(w);
}

TEST(unconfirmed, held_ones_are_never_sent_again) {
  ruled_world w(20, unconfirmed_rule::hold);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t nth) {
    w.tell(p, a, second);
    return nth == 3 ? lose(false) : accept();
  };
  p.run_for(24 * hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  EXPECT_FALSE(w.ended);
}

TEST(unconfirmed, resend_waits_and_needs_a_receipt_of_a_later_message) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  bool webhooks = false;
  w.books.script = [&](const arrival& a, std::size_t) {
    if (webhooks) w.tell(p, a, second);
    return a.key.message.sequence == 3 && a.key.attempt == 1 ? lose(false) : accept();
  };
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u) << "no webhook has come: nothing is proved";
  EXPECT_EQ(p.count().unconfirmed, 1);
  EXPECT_FALSE(w.ended) << "the rule has not acted yet";
  EXPECT_TRUE(store::awaits_rule(p.reader(), 1, w.wall_ms()));

  // A receipt of an earlier message shows nothing.
  w.tell(p, w.books.arrivals[1], millisecond);
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  // One of a later message does.
  w.tell(p, w.books.arrivals[9], millisecond);
  p.run_for(hour);
  ASSERT_EQ(w.books.arrivals.size(), 21u);
  EXPECT_EQ(w.books.arrivals[20].to, w.address_of(3));
  EXPECT_EQ(w.books.arrivals[20].key.attempt, 2u);
  EXPECT_EQ(p.count().sent, 20);
  EXPECT_TRUE(p.idle);
  expect_books(w);
}

TEST(unconfirmed, resend_waits_its_time_from_the_attempt_and_again_from_the_reopening) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& first = w.live();
  const auto script = [&](process& p) {
    return [&](const arrival& a, std::size_t) {
      if (a.key.message.sequence == 3 && a.key.attempt == 1) return lose(false);
      w.tell(p, a, second);
      return accept();
    };
  };
  w.books.script = script(first);
  first.run_for(30 * second);
  w.crash();
  w.time.advance_to(w.time.now() + 10 * hour);
  auto& p = w.live();
  const auto reopened = w.time.now();
  w.books.script = script(p);
  w.tell(p, w.books.arrivals[9], second);  // webhooks arrive, seen anew
  p.run_for(50 * second);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  p.run_for(hour);
  ASSERT_EQ(w.books.arrivals.size(), 21u);
  EXPECT_GE(w.books.arrivals[20].at - reopened, wait_ms * millisecond);
  EXPECT_EQ(p.count().sent, 20);
  expect_books(w);
}

TEST(unconfirmed, what_was_about_to_be_sent_again_waits_anew_after_the_reopening) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& first = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence == 3 && a.key.attempt == 1) return lose(true);
    w.tell(*w.running, a, second);
    return accept();
  };
  first.run_for(30 * second);
  first.sender().hold({1});  // the campaign is paused as the rule acts
  first.run_for(60 * second);
  EXPECT_EQ(first.count().unconfirmed, 0);
  EXPECT_EQ(first.count().queued(), 1);
  w.crash();
  w.time.advance_to(w.time.now() + 10 * hour);
  // The provider could tell nobody meanwhile.
  auto& p = w.live();
  expect_books(w);
  p.run_for(20 * second);
  w.tell(p, w.books.arrivals[3], second);
  w.tell(p, w.books.arrivals[9], second);
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  EXPECT_EQ(p.count().sent, 20);
  expect_books(w);
}

TEST(unconfirmed, receipts_taken_in_before_the_opening_do_not_show_that_webhooks_arrive) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& first = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    return a.key.message.sequence == 3 && a.key.attempt == 1 ? lose(true) : accept();
  };
  first.run_for(30 * second);
  w.merges = false;  // it dies with webhooks in its inbox
  w.tell(first, w.books.arrivals[9], second);
  first.run_for(2 * second);
  w.crash();
  w.time.advance_to(w.time.now() + 10 * hour);
  w.merges = true;
  auto& p = w.live();
  w.tell(p, w.books.arrivals[1], second);  // of an earlier message; the rest of the inbox is merged with it
  p.run_for(hour);
  EXPECT_EQ(store::list_messages(p.reader(), 1, {.state = message_state::unconfirmed}).size(), 1u);
  EXPECT_EQ(p.count().delivered, 2);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  w.tell(p, w.books.arrivals[10], second);
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 21u);
  expect_books(w);
}

TEST(unconfirmed, of_what_a_crash_interrupted_only_a_message_after_the_opening_is_a_later_one) {
  ruled_world w(40, unconfirmed_rule::resend);
  auto& first = w.live();
  w.books.script = [](const arrival& a, std::size_t) {
    auto v = accept();
    if (a.key.message.sequence != 2) v.latency = hour;
    return v;
  };
  first.run_for(300 * millisecond);
  w.crash();
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  auto& p = w.live();
  const auto resent = [&] {
    return std::count_if(w.books.arrivals.begin(), w.books.arrivals.end(),
                         [](const arrival& a) { return a.key.attempt > 1; });
  };
  w.tell(p, w.books.arrivals[2], second);  // it left later than they were claimed, but earlier than some of them left
  p.run_for(hour);
  const auto interrupted = p.count().unconfirmed;
  EXPECT_GT(interrupted, 1);
  EXPECT_EQ(resent(), 0);
  w.tell(p, w.books.arrivals.back(), second);  // sent after the opening
  p.run_for(hour);
  EXPECT_EQ(resent(), interrupted);
  EXPECT_EQ(p.count().sent, 40);
  expect_books(w);
}

TEST(unconfirmed, both_attempts_accepted_are_charged_once) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence != 3 || a.key.attempt > 1) w.tell(p, a, second);
    if (a.key.message.sequence == 3 && a.key.attempt == 1) {
      w.tell(p, a, 90 * second);  // it went after all, and is told of when it has been sent again
      return lose(true);
    }
    return accept();
  };
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 21u);
  EXPECT_EQ(w.books.accepted.count(w.address_of(3)), 2u) << "the rule was told to";
  EXPECT_EQ(p.count().sent, 20);
  expect_books(w);
}

TEST(unconfirmed, a_receipt_in_time_spares_the_resend) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t nth) {
    w.tell(p, a, 50 * second);
    return nth % 4 == 1 ? lose(true) : accept();
  };
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  EXPECT_EQ(p.count().sent, 20);
  EXPECT_TRUE(w.ended);
  expect_books(w);
}

TEST(unconfirmed, resending_is_bounded_and_what_is_left_is_held) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence != 3) w.tell(p, a, second);
    return a.key.message.sequence == 3 ? lose(false) : accept();
  };
  p.run_for(hour);
  // Each later attempt needs a later receipt: some other message on the sender.
  for (int i = 0; i < 10; ++i) {
    p.writer().submit([&](store::database& db) { db.run("UPDATE senders SET heard_of_ms = ?1", w.wall_ms()); },
                      [](const error*) {});
    p.run_for(hour);
  }
  EXPECT_EQ(w.books.arrivals.size(), 19u + resend_attempts_max);
  EXPECT_EQ(p.count().unconfirmed, 1);
  EXPECT_TRUE(w.ended) << "the rule has done what it could";
  expect_books(w);
}

TEST(unconfirmed, a_resend_refused_for_now_until_it_is_given_up_says_nothing_of_the_first_request) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence != 3) w.tell(p, a, second);
    if (a.key.message.sequence != 3) return accept();
    return a.key.attempt == 1 ? lose(true) : refuse(131000);
  };
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 19u + 8) << "it was tried as often as any";
  EXPECT_EQ(p.count().failed, 0) << "or people could have it sent again";
  EXPECT_EQ(p.count().unconfirmed, 1);
  EXPECT_TRUE(w.ended);
  expect_books(w);
}

TEST(unconfirmed, a_request_repeated_under_its_key_waits_longer_each_time_whatever_the_provider_calls_its_refusal) {
  for (const int code : {131000, static_cast<int>(errc::rate_limited)}) {
    ruled_world w(20, unconfirmed_rule::hold);
    {
      store::database db(w.path(), store::database::access::write);
      store::set_repeats(db, 1, 3'600'000);
    }
    auto& p = w.live();
    std::size_t repeated = 0;
    w.books.script = [&](const arrival& a, std::size_t) {
      if (a.key.message.sequence != 3) return accept();
      return repeated++ == 0 ? lose(false) : refuse(code, 500);
    };
    p.run_for(300 * second);
    EXPECT_GT(repeated, 4u);
    EXPECT_LT(repeated, 20u) << code;
    expect_books(w);
  }
}

TEST(unconfirmed, give_up_returns_the_credit_and_a_later_receipt_takes_it_again) {
  ruled_world w(20, unconfirmed_rule::give_up);
  auto& p = w.live();
  w.books.script = [&](const arrival&, std::size_t nth) { return nth % 5 == 3 ? lose(true) : accept(); };
  p.run_for(30 * second);
  EXPECT_EQ(p.count().unconfirmed, 4);
  p.run_for(hour);
  EXPECT_EQ(p.count().unconfirmed, 0);
  EXPECT_EQ(p.count().failed, 4);
  EXPECT_TRUE(w.ended);
  const auto available = store::read_account(p.reader(), 1).balances.available();
  expect_books(w);
  w.tell(p, w.books.arrivals[3], second);
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 17);
  EXPECT_EQ(p.count().failed, 3);
  EXPECT_EQ(store::read_account(p.reader(), 1).balances.available(), available - 1);
  expect_books(w);
}

TEST(unconfirmed, somebody_who_opted_out_meanwhile_is_not_sent_to_again_and_a_receipt_still_counts) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence != 3) w.tell(p, a, second);
    return a.key.message.sequence == 3 ? lose(true) : accept();
  };
  p.run_for(30 * second);
  p.suppress(w.address_of(3));
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 20u);
  EXPECT_EQ(p.count().failed, 1) << "not skipped: it may have gone";
  expect_books(w);
  w.tell(p, w.books.arrivals[3], second);
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 20);
  expect_books(w);
}

TEST(unconfirmed, after_a_stop_what_was_to_be_sent_again_is_unconfirmed) {
  ruled_world w(20, unconfirmed_rule::resend);
  auto& p = w.live();
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.message.sequence != 3) w.tell(p, a, second);
    return a.key.message.sequence == 3 ? lose(true) : accept();
  };
  p.run_for(30 * second);
  p.sender().hold({1});
  p.writer().submit(
      [&](store::database& db) {
        db.run("UPDATE messages SET at_ms = at_ms - ?1 WHERE state = 4", wait_ms);
        static_cast<void>(store::keep_rules(db, w.wall_ms(), 0));
        EXPECT_EQ(store::read_status(db, 1).counters.queued(), 1);
        store::change_state(db, 1, campaign_state::stopped, "stop", "", w.wall_ms());
        store::finish(db, 1, w.wall_ms());
      },
      [](const error* failed) { EXPECT_FALSE(failed); });
  p.run_for(hour);
  EXPECT_EQ(p.count().queued(), 0);
  EXPECT_EQ(p.count().unconfirmed, 1);
  expect_books(w);
}

// Whatever the provider does and whenever the process dies, everybody is accounted for after every step; and nobody is
// sent to twice but by the rule.
TEST(unconfirmed, rules_survive_a_crash_at_any_step) {
  std::int64_t resent = 0, given_up = 0, settled = 0;
  for (const auto rule : {unconfirmed_rule::resend, unconfirmed_rule::give_up, unconfirmed_rule::hold}) {
    for (unsigned seed = 1; seed <= 8; ++seed) {
      SCOPED_TRACE(std::string(name(rule)) + ", seed " + std::to_string(seed));
      std::mt19937 dice(seed);
      ruled_world w(100, rule, "2/s; in-flight=6");
      w.books.script = [&](const arrival& a, std::size_t nth) {
        std::mt19937 mood(seed * 7919u + static_cast<unsigned>(nth) * 31u);
        const auto kind = mood() % 10;
        const bool gone = kind != 1 && kind != 2;
        if (gone && mood() % 4 != 0) {
          w.tell(*w.running, a, static_cast<nanoseconds_t>(mood() % 120'000) * millisecond);
        }
        switch (kind) {
          case 0:
            return lose(true);
          case 1:
            return lose(false);
          case 2:
            return refuse(mood() % 2 == 0 ? 131000 : 131026);
          default:
            return accept(static_cast<nanoseconds_t>(mood() % 80) * millisecond);
        }
      };
      w.live();
      for (int life = 0; life < 4; ++life) {
        for (int steps = static_cast<int>(dice() % 40); steps > 0; --steps) {
          w.running->run(w.time.now() + 2 * second, static_cast<int>(1 + dice() % 40));
          expect_books(w);
          if (::testing::Test::HasFailure()) return;
        }
        w.crash();
        w.live();
        expect_books(w);
      }
      w.running->run_for(6 * hour);
      expect_books(w);
      const auto c = w.running->count();
      EXPECT_EQ(c.queued(), 0);
      if (rule == unconfirmed_rule::give_up) {
        EXPECT_EQ(c.unconfirmed, 0);
      }
      if (rule != unconfirmed_rule::resend) w.expect_nobody_twice();
      // Who is called sent was reached.
      for (const auto& m : store::list_messages(w.running->reader(), 1, {.state = message_state::accepted})) {
        EXPECT_GE(w.books.accepted.count(m.address), 1u) << m.address;
      }
      auto& db = w.running->reader();
      resent += db.number("SELECT count(*) FROM messages WHERE repeat_until_ms = 0");
      given_up += db.number("SELECT count(*) FROM messages WHERE state = 3 AND code = ?1", errc::timed_out);
      settled += db.number("SELECT settled_by_receipt FROM campaigns");
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(resent, 0);
  EXPECT_GT(given_up, 0);
  EXPECT_GT(settled, 0);
}

}  // namespace
}  // namespace bulkmsg::testing
