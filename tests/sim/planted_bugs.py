#!/usr/bin/env python3
"""Plants one bug after the other into the shipped sources, builds the simulation with each, and expects it to be found.

    planted_bugs.py --build build/release [--only NAME] [--seeds 4000]

A bug is a file and what is written in it instead. The changed copy is compiled as the library's own is and linked in
its place; the sources stay as they are. A text that is not there any more fails the test: plant the bug anew.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name, file, pattern (a regular expression), replacement
BUGS = [
    ("intent_after_send", "src/store/intent_rows.cpp", None, "tests/crash/no_intents.cpp"),
    ("commits_are_not_synced", "src/store/sqlite.cpp", r"PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF"),
    ("settle_without_ledger", "src/store/outcomes.cpp", r"post\(db, reservation, covered \* price, now_ms\);", ""),
    ("refusal_keeps_the_credit", "src/store/outcomes.cpp", r"void_\(db, reservation, std::min\([^;]*;", ""),
    ("outcome_lost", "src/store/outcomes.cpp", r"(if \(o\.state == message_state::accepted)(\) accepted\.)",
     r"\1 && o.id.sequence % 16 != 7\2"),
    ("settled_twice_counts_twice", "src/inbound/merge.cpp", r"(\+\+to\.change\.sent;)", r"\1 ++to.change.sent;"),
    ("receipts_counted_twice", "src/inbound/merge.cpp", r"new_parts\.delivered - old_parts\.delivered",
     "new_parts.delivered"),
    ("webhook_acknowledged_whatever_comes", "src/engine/webhooks.cpp",
     r"done\(failed \? result<void>\(fail\(\*failed\)\) : result<void>\(\)\);", "done(result<void>());"),
    ("take_back_forgets_one", "src/store/intent_rows.cpp", r"SET position = \?2 WHERE id = \?1 AND position > \?2\"",
     'SET position = ?2 + 1 WHERE id = ?1 AND position > ?2 + 1"'),
    ("take_back_goes_too_far", "src/store/intent_rows.cpp", r"SET position = \?2 WHERE id = \?1 AND position > \?2\"",
     'SET position = max(?2 - 1, 0) WHERE id = ?1 AND position > ?2"'),
    ("open_intents_are_not_recovered", "src/store/intents.cpp", r"WHERE closed = 0 ORDER BY lane, first",
     "WHERE closed = 2 ORDER BY lane, first"),
    ("retries_under_way_are_not_recovered", "src/store/intents.cpp", r"if \(!attempting\.empty\(\)\)", "if (false)"),
    ("a_lost_answer_is_sent_again", "src/sending/batch_sender.cpp",
     r"(case net::fate::unknown: \{.*?)o\.state = message_state::unconfirmed;",
     r"\1o.state = message_state::retry; o.next_at_ms = 1;"),
    ("a_gateways_page_is_a_refusal", "src/sending/batch_sender.cpp",
     r"(kind::unproven\) \{.*?)o\.state = message_state::unconfirmed;",
     r"\1o.state = message_state::retry; o.next_at_ms = 1;"),
    ("pause_does_not_hold", "src/sending/batch_sender.cpp", r"(void batch_sender::hold.*?)(\w+->held) = true;",
     r"\1\2 = false;"),
    ("limit_not_taken", "src/sending/batch_sender.cpp", r"const auto leave = (permits_\.\w+\([^;]*\));",
     r"auto leave = \1; leave.granted = true;"),
    ("limit_taken_twice", "src/sending/batch_sender.cpp", r"const auto leave = (permits_\.\w+\([^;]*\));",
     r"static_cast<void>(\1); const auto leave = \1;"),
    ("suppressed_people_are_claimed", "src/store/intents.cpp", r"if \(why == errc::ok\) return false;", "return false;"),
    ("what_is_open_goes_to_the_suppressed", "src/sending/batch_sender.cpp",
     r"(void batch_sender::screen_again\()campaign_id campaign(\) \{).*?\n\}\n", r"\1campaign_id\2}\n"),
    ("a_stop_word_is_not_acted_on", "src/inbound/replies.cpp", r"if \(stop && store::stopped_by_word\(",
     "if (false && stop && store::stopped_by_word("),
    ("a_schedule_never_expires", "src/engine/schedule.cpp",
     r"noticed_ms - row->scheduled_at_ms > row->max_lateness_ms", "false"),
    ("a_cancelled_schedule_fires", "src/engine/plan.cpp", r"if \(now\.state != row\.state [^\n]*\) \{",
     "if (false) {"),
    ("responded_counts_each_reply", "src/inbound/replies.cpp", r"if \(first != 0\)", "if (first >= 0)"),
    ("a_reply_is_not_told", "src/inbound/replies.cpp", r'tell\(w, w\.sent \? by : "", words\);',
     'if (w.id % 4 != 1) tell(w, w.sent ? by : "", words);'),
    ("resolved_as_sent_without_ledger", "src/store/unconfirmed.cpp", r"\.unconfirmed = -n\}, 0, n, 0, now_ms\)",
     ".unconfirmed = -n}, 0, 0, 0, now_ms)"),
    ("children_take_the_same_people", "src/store/children.cpp", r"UPDATE messages SET superseded = \?2 WHERE id = \?1\"",
     'UPDATE messages SET superseded = NULL WHERE id = ?1 AND ?2 > 0"'),
    ("a_schedule_fires_early", "src/store/campaigns.cpp", r"scheduled_at_ms <= \?1 ORDER", "scheduled_at_ms <= ?1 + 1500 ORDER"),
    ("a_schedule_is_slept_through", "src/engine/schedule.cpp", r"auto next = at_wall_ms\(found->next_ms\);",
     "auto next = never;"),
    ("resend_needs_no_proof", "src/store/unconfirmed.cpp", 
     r"max\(at_ms, coalesce\(left_by_ms, 0\)\) < \(SELECT s\.heard_of_ms", "0 <= (SELECT s.heard_of_ms"),
    ("resend_does_not_wait", "src/store/unconfirmed.cpp", r"now_ms - c\.wait_ms, resend_attempts_max",
     "now_ms, resend_attempts_max"),
    ("the_wait_does_not_begin_anew", "src/store/unconfirmed.cpp", r"now_ms - c\.wait_ms >= opened_ms", "true"),
    ("resend_outlives_the_process", "src/store/intents.cpp", r"\n  drop_resends\(db\);", ""),
    ("proof_outlives_the_process", "src/store/intents.cpp", r"SET heard_of_ms = 0\"", 'SET heard_of_ms = heard_of_ms"'),
    ("resend_never_acts", "src/store/unconfirmed.cpp", r"waited && c\.rule == unconfirmed_rule::resend\)", "false)"),
    ("give_up_does_not_wait", "src/store/unconfirmed.cpp", r"repeat_ms, now_ms - c\.wait_ms, now_ms\);",
     "repeat_ms, now_ms, now_ms);"),
    ("who_is_given_up_keeps_the_credit", "src/store/unconfirmed.cpp", r"\.unconfirmed = -n\}, 0, 0, n, now_ms\)",
     ".unconfirmed = -n}, 0, 0, 0, now_ms)"),
    ("a_late_receipt_is_not_charged", "src/inbound/merge.cpp", r"\+\+to\.late;", ";"),
    ("posts_are_not_heard_of", "src/engine/chores.cpp", r"(void engine::impl::posted\(\) \{).*?\n\}", r"\1}"),
    ("what_a_dead_process_posted_is_left", "src/engine/chores.cpp", r"posts_ \? longest_sleep", "posts_ ? never - now"),
    ("a_posted_command_is_answered_early", "src/engine/webhooks.cpp", r"(last_command_ = c\.id;)",
     r"\1 answer_command(c.id, {});"),
    ("withdrawn_consent_is_not_seen", "src/store/suppressions.cpp",
     r"return errc::consent_missing;\n      return errc::ok;", "return errc::ok;"),
    ("what_is_open_goes_to_those_who_withdrew", "src/engine/suppressions.cpp",
     r"(store::put_consent\(.*?)if \(self_->mode\(\) == open_mode::run\) [^\n]*", r"\1"),
    ("a_changed_template_is_sent", "src/store/templates.cpp",
     r"(AND \(p\.gone OR p\.status <> 'APPROVED') OR \(t\.fetched AND p\.template <> t\.id\)\) GROUP", r"\1) GROUP"),
    ("a_paused_template_is_started", "src/store/templates.cpp", r'if \(status != "APPROVED"\)', "if (false)"),
    ("an_expired_file_is_sent", "src/engine/running.cpp", r">= channels::media_use_ms",
     ">= 2 * channels::media_life_ms"),
    ("an_expired_file_is_not_uploaded_again", "src/engine/media.cpp", r"now_ms\(\) - channels::media_renewal_ms",
     "now_ms() - 2 * channels::media_renewal_ms"),
    ("a_known_file_is_uploaded_again", "src/engine/media.cpp", r"const bool of_use = \*known &&",
     "const bool of_use = false && *known &&"),
    ("a_file_goes_over_another_number", "src/store/media.cpp", r"AND phone_number_id = \?2 AND sha256 = \?3",
     "AND ?2 <> '' AND sha256 = ?3"),
    ("a_paused_template_goes_on_being_sent", "src/inbound/account_events.cpp",
     r"f\.brake = \{\.cause = pausing, [^;]*;", ""),
    ("a_late_word_is_taken_for_the_last", "src/inbound/account_events.cpp", r"outdated_ = at_ms < r\.integer\(0\);",
     "outdated_ = false;"),
    ("an_account_stays_banned", "src/inbound/account_events.cpp", r"f\.released = disabled;", ""),
    ("a_flagged_number_goes_on", "src/inbound/account_events.cpp", r"f\.brake = \{\.cause = flagged, [^;]*;", ""),
    ("who_begins_does_not_stand_by", "src/engine/plan.cpp", r"static_cast<void>\([^;]*stand_by\(row\.id\)\);", ""),
    ("a_restriction_never_ends", "src/store/brakes.cpp", r"until_ms > 0 AND until_ms <= \?1 ORDER",
     "until_ms > 0 AND until_ms <= 0 * ?1 ORDER"),
    ("a_lifted_brake_leaves_it_paused", "src/store/brakes.cpp", r"if \(is_braked\(db, campaign, sender\)\) continue;",
     "if (true) continue;"),
    ("a_brake_is_not_told_to_the_sender", "src/engine/webhooks.cpp",
     r"for \(const auto campaign : merged->paused\) hold\(campaign\);", ""),
    ("what_a_person_accepted_pauses_again", "src/engine/commands.cpp", r"store::accept_template\(db, campaign\);", ""),
    ("another_change_is_accepted_too", "src/store/templates.cpp", r"status <> \?4 OR gone OR \(", "0 AND ("),
    ("a_list_lifts_no_brake", "src/engine/templates.cpp", r"free = inbound::release_listed\([^;]*;", ""),
    ("a_stop_at_the_platform_is_not_kept", "src/inbound/merge.cpp",
     r"stop \? store::stopped_at_platform\([^\n]*\)", "stop ? false"),
    ("a_late_resume_lifts_a_stop", "src/store/opt_outs.cpp", r"if \(told_at_ms <= last_word\([^\n]*\) continue;", ""),
    ("a_failure_told_late_brakes_nothing", "src/inbound/merge.cpp", r"auto braked = brake_for\([^;]*;",
     "store::braking braked;"),
    ("a_restart_frees_the_limits", "src/sending/restored_permits.cpp", r"permits\.assume\([^;]*;", ";"),
]


class Plant:
    def __init__(self, build):
        self.build = build
        entries = json.loads((build / "compile_commands.json").read_text())
        self.compile = {str(pathlib.Path(e["file"]).resolve()): e["command"] for e in entries
                        if "/bulkmsg_engine.dir/" in e["command"]}
        commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "bulkmsg-sim"], check=True,
                                  capture_output=True, text=True).stdout
        self.link = [line for line in commands.splitlines() if " -o bin/bulkmsg-sim " in line][-1]

    def program(self, name, file, pattern, new):
        """The simulation with this bug in it."""
        source = ROOT / file
        if pattern is None:
            text = (ROOT / new).read_text()
        else:
            text, n = re.subn(pattern, new, source.read_text(), count=1, flags=re.S)
            if n != 1:
                raise SystemExit(f"{name}: {file} has no text like {pattern!r}; plant this bug anew")
        library = self.build / "libbulkmsg_cpp.a"
        folder = self.build / "planted" / name
        folder.mkdir(parents=True, exist_ok=True)
        program, note = folder / "bulkmsg-sim", folder / "made-of"
        made_of = hashlib.sha256(text.encode() + library.read_bytes() +
                                 (self.build / "bin" / "bulkmsg-sim").read_bytes()).hexdigest()
        if program.exists() and note.exists() and note.read_text() == made_of:
            return program
        changed = folder / source.name
        changed.write_text(text)
        command = self.compile[str(source)]
        command = re.sub(r" -o \S+", f" -o {changed}.o", command)
        command = re.sub(r" -MD -MT \S+ -MF \S+", "", command)
        command = re.sub(r" -c \S+", f" -w -c {changed}", command)
        subprocess.run(command, shell=True, check=True, cwd=self.build)
        link = self.link.replace(" -o bin/bulkmsg-sim ", f" {changed}.o -o {program} ")
        subprocess.run(link, shell=True, check=True, cwd=self.build)
        note.write_text(made_of)
        return program


def main():
    options = argparse.ArgumentParser(description="Every planted bug must be found by the simulation.")
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    options.add_argument("--only", help="this bug only")
    options.add_argument("--seeds", type=int, default=4000)
    given = options.parse_args()
    plant = Plant(given.build.resolve())
    missed = []

    def look_for(bug):
        program = plant.program(*bug)
        return subprocess.run([program, "--jobs", "1", "--seeds", str(given.seeds)], capture_output=True, text=True,
                              timeout=1700)

    bugs = [bug for bug in BUGS if given.only in (None, bug[0])]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (name, *_), done in zip(bugs, pool.map(look_for, bugs)):
            found = done.returncode == 1 and done.stdout.startswith("seed ")
            print(f"{name:36s} {done.stdout.splitlines()[0] if found else 'NOT FOUND: ' + (done.stdout + done.stderr)[-200:]}",
                  flush=True)
            if not found:
                missed.append(name)
    if missed:
        print(f"planted_bugs: not found within {given.seeds} seeds: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
