-- The tables of a store on SQLite: docs/formats/store.md. What leads from older formats to this one stands in schema.cpp.
-- Keys increase, so that a group of rows dirties one page and not one page a row. A run's entries hang together by
-- `previous`, the key of the entry before: that needs no index, which would dirty a page a run at each commit.
create table meta(name text primary key, value) without rowid;
create table program(key integer primary key, hash blob not null unique, bytes blob not null);
create table engine(key integer primary key, boot text not null, process integer not null,
  started integer not null, works integer not null default 0, epoch integer not null default 1,
  takes text not null default '');
create index engine_works on engine(key) where works = 1;
create table run(key integer primary key, id text not null unique, program integer not null,
  runbook text not null, status integer not null, starter text not null, reason text not null,
  labels text not null, started integer not null, updated integer not null, head integer not null,
  last integer not null, token integer not null, holder integer not null, wake integer,
  ending text not null, log_bytes integer not null, origin integer not null,
  folder text not null default '', umask integer not null default -1,
  parent integer not null default 0, link integer not null default 0,
  parent_request integer not null default 0, parent_path text not null default '',
  parent_under text not null default '', claims integer not null default 0,
  schedule integer not null default 0, stood integer not null default 0,
  retries integer not null default 0, retry_rule text not null default '',
  placement text not null default '');
create unique index run_parent on run(parent, parent_request) where parent <> 0;
create unique index run_origin on run(origin) where origin <> 0;
create index run_retries on run(retries) where retries <> 0;
create unique index run_follows on run(origin + retries) where origin + retries <> 0;
create index run_unfinished on run(key) where status < 6;
create index run_ready on run(placement) where holder = 0 and status = 1;
create index run_wake on run(placement, wake) where holder = 0 and wake is not null;
create index run_held on run(holder) where holder <> 0;
create index run_schedule on run(schedule) where schedule <> 0 and status < 6;
create table schedule(key integer primary key, name text not null, version integer not null,
  program integer not null, runbook text not null, arguments text not null, timing text not null,
  overlap integer not null, missed integer not null, within integer, place text not null,
  folder text not null, umask integer not null, author text not null, added integer not null,
  paused integer, paused_by text not null, watermark integer not null, due integer,
  removed integer not null);
create unique index schedule_name on schedule(name) where removed = 0;
create index schedule_due on schedule(due)
  where removed = 0 and paused is null and due is not null;
create table firing(key integer primary key, schedule integer not null, zone text not null,
  nominal integer not null, fold integer not null, at integer not null, time integer not null,
  kind integer not null, outcome integer not null, why text not null, author text not null,
  run integer not null, count integer not null, last integer not null);
create unique index firing_once on firing(schedule, zone, nominal, fold) where kind <> 2;
create index firing_of on firing(schedule, key);
create index firing_queued on firing(schedule, key) where outcome = 4;
create index firing_run on firing(run) where run <> 0;
create table journal(key integer primary key, run integer not null, number integer not null,
  previous integer not null, kind integer not null, time integer not null, boot_time integer not null,
  engine integer not null, body blob not null, news blob not null, sum integer not null);
create table blob(key integer primary key, hash blob not null unique, bytes blob not null,
  plain_size integer not null default 0);
create table snapshot(run integer primary key, bytes blob not null);
create table wait(run integer not null, request integer not null, kind integer not null,
  path text not null, description text not null, since integer not null, expires integer,
  primary key(run, request)) without rowid;
create table message(key integer primary key, id text not null unique, run integer not null,
  request integer not null, kind integer not null, body text not null, author text not null,
  time integer not null, taken integer not null);
create index message_open on message(run) where taken = 0;
create index message_vote on message(run, request) where kind = 1;
create table claim(key integer primary key, space integer not null, name text not null,
  run integer not null, request integer not null, slots integer not null, held integer not null,
  unwinds integer not null, under text not null, path text not null, since integer not null,
  until integer);
create unique index claim_request on claim(run, request);
create index claim_name on claim(space, name, key);
create table notice(key integer primary key, id text not null unique, run integer not null,
  request integer not null, kind text not null, target text not null, payload text not null,
  made integer not null, due integer not null, attempts integer not null, state integer not null,
  problem text not null);
create index notice_due on notice(due) where state = 0;
create index notice_run on notice(run, key);
create table log(key integer primary key, run integer not null, step integer not null,
  attempt integer not null, path text not null, lines blob not null,
  plain_size integer not null default 0);
create index log_run on log(run, key);
create table audit(number integer primary key, time integer not null, author text not null,
  typed_by text not null, verb text not null, kind text not null, object text not null,
  payload text not null, redacted integer not null, payload_hash blob not null,
  previous blob not null, hash blob not null);
create index audit_object on audit(kind, object);
