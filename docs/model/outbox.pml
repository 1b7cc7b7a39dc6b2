/*
 * How a text becomes at most one SMS: two texts of one phone, two replicas of the bot on one database, Azure (ACS),
 * and whatever may go wrong. `python -m benchmarks.model` has Debian's spin try every order of events; README.md
 * beside this file says what stands for what in the code.
 *
 * Each switch (-DREVERT_...) takes back one mend of the bot; the check then fails on the invariant that README.md names.
 * With -DTRACE the model follows what was recorded of one message of a running bot, if it can.
 */

#ifdef TRACE
#define TEXTS       1
#define MISHAPS     1
#define PAIRS       16
#define REPLICAS    16
#endif

#ifndef TEXTS
#define TEXTS     2   /* that come in */
#endif
#ifdef REVERT_DUPLICATES_KNOWN
#define MESSAGES  (TEXTS + 1) /* replies */
#else
#define MESSAGES  TEXTS
#endif
#ifndef PAIRS
#define PAIRS     6   /* repeatability pairs that may be made */
#endif

/* Time, in ticks of about a minute. ACS_WINDOW is the assumption that everything here rests on. */
#ifndef ACS_WINDOW
#define ACS_WINDOW 5  /* so long ACS knows a pair again, since it first took it */
#endif
#define OUR_WINDOW 3  /* so long we repeat with it, since the claim that made it */
#define LEASE      2
#define CALL       1  /* the longest call */
#ifndef LAST_TICK
#define LAST_TICK  8
#endif
#ifndef MISHAPS
#define MISHAPS    2  /* a call or its answer is lost or refused, a replica crashes, a 200 or a report gets lost */
#endif

/* The scenario: whether the second text is STOP, and by how many ticks the second replica's clock is ahead. */
#ifndef STOP
#define STOP false
#endif
#ifndef CLOCK_OFF
#define CLOCK_OFF 0
#endif

mtype = { none, queued, sent, delivered, suppressed, unconfirmed };
mtype = { no_answer, accepted, refused };

/* The database: every transaction is one atomic step. */
bool known[TEXTS];            /* the event is stored */
bool opted_out;
mtype status[MESSAGES] = none;
bool exempt[MESSAGES];        /* what confirms the STOP */
byte attempts[MESSAGES];
bool doubt[MESSAGES];         /* a try may have been taken: only its pair again is safe */
byte pair[MESSAGES];          /* 0: none yet */
byte first_sent[MESSAGES];
byte holder[MESSAGES];        /* of the lease: the replica + 1 */
bool is_dead[MESSAGES];       /* the holder's session is gone */
byte until[MESSAGES];
byte messages;                /* so many were queued */
byte answers[MESSAGES];       /* the text that it answers */

/* Azure */
byte taken_at[PAIRS];         /* 0: never; else the tick + 1 */
byte sms[MESSAGES];
byte heard[TEXTS];            /* SMS that answer a text */
byte pairs = 1;

/* The world */
bool acknowledged[TEXTS];
bool is_reported[MESSAGES];
byte now, mishaps;

#ifdef TRACE
/*
 * The marks that the steps of a message leave in the database and at Azure. `benchmarks/traces.py` reads these numbers
 * here, and writes the marks of a message, in their order, into the file that TRACE names in the environment.
 */
#define STORED         1
#define REPORTED       2
#define GIVEN_UP       3
#define SUPPRESSED     4
#define LEASE_OVER     5 /* what the claim after it finds */
#define ENDED          6
#define SESSION_GONE   16 /* + the replica: what the claim after it finds */
#define ACCEPTED_LATE  32 /* + the replica: its call was taken, as it tells when the lease is another's already */
#define TOOK           48 /* + the pair: Azure took the call. It answered, or (UNHEARD) did not, or not as Azure does */
#define TOOK_UNHEARD   64
#define KNEW           80 /* + the pair: Azure knew the pair */
#define KNEW_UNHEARD   96
#define TURNED_AWAY    112 /* + the pair: 429 */
#define BROKE          128 /* + the pair: Azure did not take the call, and answered 500 or 503, or not at all */
#define CLAIMED        256 /* + 16 * the replica + the pair */
#define SETTLED        512 /* + 16 * the replica + one of these */
#define AS_UNTRIED     0
#define AS_DOUBT       1
#define AS_SENT        2
#define AS_ENDED       3
#define LONGEST_TRACE  200
#define OFF            254

short marks[LONGEST_TRACE];
byte length = 255, at;

c_decl {
	\#include <stdio.h>
	\#include <stdlib.h>
};

/* A step that leaves another mark than the next one of the trace leads nowhere: the claim at the end stops there. */
inline leave(mark) {
	if
	:: at < length && marks[at] == (mark) -> at++
	:: else -> at = OFF
	fi
}

/* Any number of mishaps, none of which has to be told from another. */
#define may_fail true
#define fail skip
#else
#define REPLICAS 2
#define may_fail (mishaps < MISHAPS)
#define fail mishaps++
#define leave(mark)
#endif

/* The invariants: each is false from the step that breaks it. */
bool at_most_one_sms = true, nothing_lost = true, silent_after_stop = true, in_order = true, one_caller = true,
     every_message_ends = true;

#define hold(name, holds) name = (holds); assert(name)
#define clock(r) (now + r * CLOCK_OFF)

inline store(e) {
	if
#ifdef REVERT_DUPLICATES_KNOWN
	:: messages < MESSAGES ->
#else
	:: !known[e] ->
#endif
		known[e] = true;
		leave(STORED);
		if
		:: e == 1 && STOP -> opted_out = true; exempt[messages] = true; status[messages] = queued
		:: else -> status[messages] = (opted_out -> suppressed : queued)
		fi;
		answers[messages] = e;
		messages++
	:: else
	fi
}

/* Event Grid brings an event until it is acknowledged. */
proctype EventGrid(byte e) {
	do
	:: acknowledged[e] -> break
#ifdef REVERT_COMMIT_BEFORE_200
	:: else -> acknowledged[e] = true;
		if
		:: atomic { store(e) }
		:: atomic { may_fail -> fail }
		fi
#else
	:: else -> atomic { store(e) };
		if
		:: acknowledged[e] = true
		:: atomic { may_fail -> fail } /* the 200 is lost */
		fi
#endif
	od
}

#ifdef REVERT_ORDER
#define is_next(k) true
#else
#define is_next(k) (k == 0 || status[k - 1] != queued || exempt[k] || attempts[k])
#endif

#ifdef REVERT_OWNED_CLAIM
#define is_free(r, k) true
#else
#define is_free(r, k) (holder[k] == 0 || holder[k] == r + 1 || is_dead[k] || until[k] <= clock(r))
#endif

#ifdef REVERT_DOUBT_ENDS
#define is_given_up(r, k) (doubt[k] && clock(r) - first_sent[k] >= OUR_WINDOW)
#else
#define is_given_up(r, k) false
#endif

#define may_claim(r, k) (status[k] == queued && is_next(k) && is_free(r, k) && !is_given_up(r, k) && !busy)

inline claim(r) {
	is_claimed = false;
	was_in_doubt = doubt[k];
	if
#ifndef REVERT_SILENCE_AFTER_STOP
	:: was_in_doubt && opted_out && !exempt[k] -> leave(GIVEN_UP); status[k] = unconfirmed
#endif
#ifdef REVERT_OUR_WINDOW
	:: was_in_doubt -> is_claimed = true
#else
#ifdef REVERT_SILENCE_AFTER_STOP
	:: was_in_doubt && clock(r) - first_sent[k] < OUR_WINDOW -> is_claimed = true
#else
	:: was_in_doubt && !(opted_out && !exempt[k]) && clock(r) - first_sent[k] < OUR_WINDOW -> is_claimed = true
#endif
	:: was_in_doubt && clock(r) - first_sent[k] >= OUR_WINDOW ->
		leave(GIVEN_UP); status[k] = unconfirmed
#endif
	:: !was_in_doubt && opted_out && !exempt[k] -> leave(SUPPRESSED); status[k] = suppressed
	:: !was_in_doubt && !(opted_out && !exempt[k]) ->
		if
		:: pair[k] == 0 || clock(r) - first_sent[k] >= OUR_WINDOW ->
			pair[k] = pairs; pairs++; first_sent[k] = clock(r)
		:: else
		fi;
		is_claimed = true
	fi;
	if
	:: is_claimed ->
#ifdef TRACE
		if
		:: holder[k] != 0 && holder[k] != r + 1 && !is_dead[k] -> leave(LEASE_OVER)
		:: else
		fi;
		leave(CLAIMED + 16 * r + pair[k]);
#endif
		hold(one_caller, holder[k] == 0 || holder[k] == r + 1 || is_dead[k] || until[k] <= clock(r));
#ifdef REVERT_PAIR_KEPT_IN_DOUBT
		if
		:: was_in_doubt -> pair[k] = pairs; pairs++; first_sent[k] = clock(r)
		:: else
		fi;
#endif
		is_out = opted_out && !exempt[k];
		holder[k] = r + 1; is_dead[k] = false; until[k] = clock(r) + LEASE;
		attempts[k]++; try = attempts[k]; doubt[k] = true; mine = pair[k]; ends = until[k]; busy = k + 1
	:: else
	fi
}

/* Azure gets the call: what it knows again it answers as before. */
inline take(k, with, tells) {
	if
	:: taken_at[with] -> leave((tells -> KNEW : KNEW_UNHEARD) + with)
	:: else ->
		leave((tells -> TOOK : TOOK_UNHEARD) + with);
		taken_at[with] = now + 1;
		sms[k] = 1;
		heard[answers[k]]++;
		hold(at_most_one_sms, heard[answers[k]] <= 1);
		hold(silent_after_stop, !is_out);
		hold(in_order, k == 0 || exempt[k] || sms[k - 1] || status[k - 1] != queued)
	fi
}

inline call() {
	if
	:: take(k, mine, true); answer = accepted
	:: may_fail -> fail; take(k, mine, false); answer = no_answer /* lost on its way back */
	:: may_fail -> fail; answer = no_answer                       /* lost on its way there */
	:: may_fail -> fail; leave(TURNED_AWAY + mine); answer = refused /* 429, in ACS's own shape */
	:: may_fail -> fail; take(k, mine, false);                    /* a gateway answers 503 after ACS took it */
#ifdef REVERT_503_IS_DOUBT
		answer = refused
#else
		answer = no_answer
#endif
#ifdef TRACE
	/* Azure answered, and nobody heard; or it broke before it took the call. */
	:: may_fail -> take(k, mine, true); answer = no_answer
	:: may_fail -> leave(TURNED_AWAY + mine); answer = no_answer
	:: may_fail -> leave(BROKE + mine); answer = no_answer
#endif
	fi
}

inline settle(r) {
#ifdef REVERT_OWN_TRY_ALONE
	is_mine = true;
#else
	is_mine = holder[k] == r + 1 && attempts[k] == try;
#endif
	if
	:: answer == accepted ->
		if
		:: status[k] == queued || status[k] == unconfirmed -> is_new = true; status[k] = sent
		:: else
		fi
	:: answer == refused && is_mine -> doubt[k] = was_in_doubt
	:: else
	fi;
	if
	:: is_mine -> holder[k] = 0
#ifdef TRACE
		;
		if
		:: status[k] == queued && doubt[k] -> leave(SETTLED + 16 * r + AS_DOUBT)
		:: status[k] == queued && !doubt[k] -> leave(SETTLED + 16 * r + AS_UNTRIED)
		:: status[k] == sent -> leave(SETTLED + 16 * r + AS_SENT)
		:: else -> leave(SETTLED + 16 * r + AS_ENDED)
		fi
	:: !is_mine && is_new -> leave(ACCEPTED_LATE + r)
#endif
	:: else
	fi
}

/* What is not needed any more is made alike, so that spin knows such states again. */
inline rest() {
	k = 0; try = 0; mine = 0; ends = 0; busy = 0; c = 0; answer = 0;
	is_claimed = false; was_in_doubt = false; is_mine = false; is_out = false; is_new = false
}

inline tidy(m) {
	if
	:: holder[m] == 0 -> until[m] = 0; is_dead[m] = false
	:: else
	fi;
	if
	:: status[m] == delivered || status[m] == suppressed -> doubt[m] = false; pair[m] = 0; first_sent[m] = 0; attempts[m] = 0; holder[m] = 0; until[m] = 0; is_dead[m] = false
	:: else
	fi
}

inline crash(r) {
	c = 0;
	fail;
	do
	:: c < MESSAGES ->
		if
		:: holder[c] == r + 1 -> leave(SESSION_GONE + r); is_dead[c] = true
		:: else
		fi;
		c++
	:: else -> c = 0; break
	od
}

/* A process of the bot; that it stands still (SIGSTOP) is that its next step comes late. */
proctype Replica(byte r) {
	byte k, try, mine, ends, busy, c;
	bool is_claimed, was_in_doubt, is_mine, is_out, is_new;
	mtype answer;
end:	do
	:: atomic { may_claim(r, 0) -> k = 0; claim(r); if :: !is_claimed -> tidy(k); rest() :: else -> is_claimed = false fi }
#if TEXTS > 1
	:: atomic { may_claim(r, 1) -> k = 1; claim(r); if :: !is_claimed -> tidy(k); rest() :: else -> is_claimed = false fi }
#endif
#ifdef REVERT_DUPLICATES_KNOWN
	:: atomic { may_claim(r, TEXTS) -> k = TEXTS; claim(r); if :: !is_claimed -> tidy(k); rest() :: else -> is_claimed = false fi }
#endif
	:: atomic { busy -> /* claimed: now the call */
			if
#ifndef REVERT_LATE_CALL_NOT_MADE
			:: clock(r) + CALL > ends -> rest()
#endif
			:: may_fail -> crash(r); rest()
#ifdef REVERT_LATE_CALL_NOT_MADE
			:: call()
#else
			:: clock(r) + CALL <= ends -> call()
#endif
			fi }
		if
		:: atomic { answer != 0 && may_fail -> crash(r); rest() }
		:: atomic { answer != 0 -> settle(r); tidy(k); rest() }
		:: answer == 0
		fi
	od
}

/* PostgreSQL ends the session of a process that lives on: others may take its message over, and it goes on with it. */
proctype Session(byte k) {
end:	do
	:: atomic { may_fail && holder[k] && !is_dead[k] -> fail; leave(SESSION_GONE + holder[k] - 1); is_dead[k] = true }
	od
}

/* The carrier's report, and the end of waiting for one. */
proctype Reports(byte k) {
end:	do
	:: atomic { sms[k] && !is_reported[k] -> is_reported[k] = true;
		if
		:: status[k] = delivered; leave(REPORTED)
		:: may_fail -> fail /* it never comes */
		fi }
	:: atomic { now == LAST_TICK && status[k] == sent -> status[k] = unconfirmed; leave(GIVEN_UP) }
	od
}

proctype Clock() {
	byte c;
	do
	:: atomic { now < LAST_TICK -> now++; c = 1;
		do /* a pair that ACS has forgotten */
		:: c < PAIRS ->
			if
			:: taken_at[c] && now + 1 - taken_at[c] >= ACS_WINDOW -> taken_at[c] = 0
			:: else
			fi;
			c++
		:: else -> c = 0; break
		od }
	:: now == LAST_TICK -> break
	od
}

#define has_ended(k) (status[k] == none || status[k] == delivered || status[k] == suppressed || status[k] == unconfirmed)

#ifdef TRACE
proctype End() {
	atomic { status[0] != none && has_ended(0) -> leave(ENDED) }
}

/* That this ends is what spin calls an error: there is a way to the end of the trace. */
never {
	do
	:: at == length -> break
	:: at < length
	od
}
#else
/* When nothing can happen any more. */
proctype End() {
	timeout;
	hold(nothing_lost, known[0] && known[TEXTS - 1]);
	hold(every_message_ends, has_ended(0) && has_ended(MESSAGES - 1))
}
#endif

init {
	atomic {
#ifdef TRACE
		c_code {
			FILE *file = fopen(getenv("TRACE"), "r");
			int mark;
			now.length = 0;
			while (file && now.length < LONGEST_TRACE && fscanf(file, "%d", &mark) == 1)
				now.marks[now.length++] = mark;
			if (file) fclose(file);
		};
		byte r;
		for (r : 0 .. REPLICAS - 1) { run Replica(r) }
#else
		run Replica(0); run Replica(1);
#endif
		run EventGrid(0); run Reports(0); run Session(0);
#if TEXTS > 1
		run EventGrid(1); run Reports(1); run Session(1);
#endif
#ifdef REVERT_DUPLICATES_KNOWN
		run Reports(TEXTS); run Session(TEXTS);
#endif
		run Clock(); run End()
	}
}
