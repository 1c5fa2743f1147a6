#include "engine/store_references.h"

#include <array>

namespace rbk::engine {
namespace {

constexpr std::string_view kLeft = "`rbk store retain --older-than 90d` takes what is left away";

constexpr std::array kReferences{
    Reference{"program",
              "select run.key, run.id, 1 from run left join program on "
              "program.{program}=run.program where program.{program} is null order by run.key",
              "run {name}: its program is missing, so that no command shows it", kRestore},
    Reference{"program",
              "select 0, schedule.name, 1 from schedule left join program on "
              "program.{program}=schedule.program where program.{program} is null and removed=0",
              "schedule {name}: its program is missing, so that it never fires",
              "add it again with `rbk schedule add`, or restore the store from a backup"},
    Reference{"family",
              "select run.key, run.id, 1 from run left join run other on other.key=run.parent "
              "where run.parent<>0 and other.key is null order by run.key",
              "run {name}: the run that began it is missing", kRestore},
    Reference{"family",
              "select run.key, run.id, 1 from run left join run other on other.key=run.origin "
              "where run.origin<>0 and other.key is null order by run.key",
              "run {name}: the run that it undoes is missing", kRestore},
    Reference{"family",
              "select run.key, run.id, 1 from run left join run other on other.key=run.retries "
              "where run.retries<>0 and other.key is null order by run.key",
              "run {name}: the run that it retries is missing", kRestore},
    Reference{"schedule",
              "select run.key, run.id, 1 from run left join schedule on "
              "schedule.key=run.schedule where run.schedule<>0 and schedule.key is null "
              "order by run.key",
              "run {name}: the schedule that started it is missing", kRestore},
    Reference{"schedule",
              "select 0, '', count(*) from firing left join schedule on "
              "schedule.key=firing.schedule where schedule.key is null",
              "{count} firings are of a schedule that is missing", kRestore},
    Reference{"schedule",
              "select 0, '', count(*) from firing left join run on run.key=firing.run "
              "where firing.run<>0 and run.key is null",
              "{count} firings name a run that is missing", kRestore},
    Reference{"driver",
              "select run.key, run.id, 1 from run left join engine on engine.key=run.holder "
              "where run.holder<>0 and engine.key is null and run.status<6 order by run.key",
              "run {name}: the process that holds it is not known", "`rbk resume {name}` takes it"},
    Reference{
        "journal",
        "select run.key, run.id, counted.found from (select run, count(*) as found from journal "
        "group by run) counted join run on run.key=counted.run where counted.found<>run.head "
        "order by run.key",
        "run {name}: its journal has {count} entries, and not as many as its row says", kRestore},
    Reference{"lock",
              "select run.key, run.id, count(*) from claim join run on run.key=claim.run "
              "where run.status>=6 group by run.key, run.id order by run.key",
              "run {name} is over, and has or waits for {count} locks still: nobody frees them",
              "restore the store from a backup from before it ended"},
    Reference{"wait",
              "select run.key, run.id, count(*) from wait join run on run.key=wait.run "
              "where run.status>=6 group by run.key, run.id order by run.key",
              "run {name} is over, and {count} of its approvals, questions or signals still wait",
              "restore the store from a backup from before it ended"},
    // What a removal that was cut off has left.
    Reference{"left over",
              "select 0, '', count(*) from journal left join run on run.key=journal.run "
              "where run.key is null",
              "{count} journal entries are of runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from log left join run on run.key=log.run "
              "where run.key is null",
              "{count} pieces of logs are of runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from message left join run on run.key=message.run "
              "where run.key is null",
              "{count} messages are for runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from notice left join run on run.key=notice.run "
              "where run.key is null",
              "{count} notices tell of runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from snapshot left join run on run.key=snapshot.run "
              "where run.key is null",
              "{count} snapshots are of runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from wait left join run on run.key=wait.run "
              "where run.key is null",
              "{count} waits for people are of runs that are gone", kLeft},
    Reference{"left over",
              "select 0, '', count(*) from claim left join run on run.key=claim.run "
              "where run.key is null",
              "{count} locks are of runs that are gone", kLeft},
};

}  // namespace

std::span<const Reference> store_references() { return kReferences; }

}  // namespace rbk::engine
