#include "vm/testing/samples.h"

namespace rbk::vm::testing {

namespace {

constexpr std::string_view kSteps = R"(
action shell(command: string) -> string writes
action probe(host: string) -> int reads
step drain rollback
step restart
error ShellError { exit_code: int? }
runbook main(host: string, n: int = five) -> string = main
function five(host: string) -> int pure
  reg n int
  LoadInt n 5
  Return n
end
function undo(host: string)
  reg out ref
  StepBegin drain _
  Perform out shell host | _ 0 0
  StepEnd out string
  ReturnNothing
end
function attempt(host: string) -> int
  reg error ref
  reg mark out attempt most timer int
  reg least longest pause limit duration
  LoadInt attempt 1
  LoadInt most 3
  LoadConst least duration:1s
  LoadConst longest duration:30s
  LoadConst limit duration:10m
  Mark mark
  TimerStart timer limit
begin:
  keep host mark attempt most timer least longest
  Perform out probe host | longest 0 1
  TimerStop timer
  Return out
end:
failed:
  JumpGeInt attempt most @give_up
  Backoff pause attempt least | longest
  StepRetry error attempt pause
  AddImm attempt attempt 1
  keep host mark attempt most timer least longest
  Sleep pause
  Jump @begin
give_up:
  Raise error
late:
  LoadInt out 0
  Return out
  catch begin end failed error mark
  timeout begin late late error mark timer
end
function main(host: string, n: int) -> string
  reg out error undo ref
  reg mark i found int
  Mark mark
begin:
  ItemPush host
  StepBegin drain host
  keep host mark n
  Perform out shell host | _ 0 0
  StepEnd out string
  ItemPop
  MakeClosure undo undo host | 1
  UndoPush undo drain 0
  UndoPush undo _ 1
  StepBegin restart _
  Call found attempt host
  StepEnd found int
  JumpLtInt found n @end_early
  UndoCommit host
end_early:
  Unwind mark 1
  Return out
end:
cleanup:
  keep error mark
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
)";

constexpr std::string_view kRollout = R"(
action shell(command: string) -> string writes
step work rollback
runbook main(hosts: list<string>, limit: int) -> json = main
function name(host: string) -> string pure
  Return host
end
function undo(host: string)
  reg out ref
  Perform out shell host | _ 0 0
  ReturnNothing
end
function branch(host: string, index: int) -> string
  reg out error undo ref
  reg mark int
  Mark mark
begin:
  StepBegin work _
  keep host mark
  Perform out shell host | _ 0 0
  StepEnd out string
  MakeClosure undo undo host | 1
  UndoPush undo work 0
  keep out mark
  Perform out shell host | _ 1 0
  Return out
end:
cleanup:
  BranchFails error
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
function left() -> int
  reg n int
  reg pause duration
  LoadConst pause duration:1h
  Sleep pause
  LoadInt n 7
  Return n
end
function main(hosts: list<string>, limit: int) -> json
  reg body item out error json left right ref
  reg mark tolerance int
  Mark mark
begin:
  LoadInt tolerance 50
  MakeClosure body branch hosts | 0
  MakeClosure item name hosts | 0
  keep hosts mark limit body item tolerance
  ParallelFor out hosts body | limit list<Result<string>> 2 | tolerance 1 item
  ToJson json out list<Result<string>>
  MakeClosure left left hosts | 0
  MoveRef right left
  ParallelBlock out left 2 | list<json> limit 0 | _ 0 _
  ParallelFor out hosts body | limit list<string> 0 | _ 0 item
  Return json
end:
cleanup:
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
)";

constexpr std::string_view kPeople = R"(
record Form { ticket: string, count: int = 2, approvers: list<string> }
action shell(command: string) -> string writes
step restart
runbook main() -> json = main
function main() -> json
  reg about form out error host ref
  reg limit duration
  reg mark int
  reg done doubtful bool
  LoadConst about json:"{\"name\":\"go\"}"
  LoadConst limit duration:4h
  LoadConst host "web-1"
  Approve form about Form | limit 0
  StepBegin restart _
  Mark mark
begin:
  Perform out shell host | _ 0 5
end:
  StepEnd out string
  ToJson out form Form
  Return out
failed:
  ErrorInDoubt doubtful error
  JumpIf doubtful @ask
  Raise error
ask:
  AskDoubt out done shell
  JumpUnless done @begin
  StepEnd out string
  ToJson out form Form
  Return out
  catch begin end failed error mark
end
)";

/// Every kind of object lives in a register while the run waits.
constexpr std::string_view kValues = R"(
record Point { x: int, y: float = 0.5 }
enum Env { dev, prod from "production", custom (name: string, at: Point) }
error Broken { why: string? }
const names list<string> [ "a" "b" ]
runbook main() -> string = main
function show(n: int, more: list<string>) -> string pure
  reg text separator ref
  LoadConst separator ","
  CallNative text list.join more
  Return text
end
function main() -> string
  reg low high i int
  reg x float
  reg pause duration
  reg size size
  reg now time
  reg yes bool
  reg text point env range result broken failed closure ref
  reg key ref
  reg value int
  reg map json list names secret box null out ref
  LoadInt i 3
  LoadConst x 2.5
  LoadConst pause duration:1s
  LoadConst size size:10MiB
  Now now
  EqInt yes i i
  LoadConst text "text"
  MakeRecord point Point i
  MakeEnum env Env text | 2
  LoadInt high 9
  MakeRange range range<int> low
  MakeResult result Result<int> i
  MakeError broken Broken text | text yes
  MakeErrorResult failed Result<int> broken
  LoadConst key "k"
  LoadInt value 5
  MakeMap map map<string,int> key | 1
  MapPut map map key
  MapGetOr value map key | value
  LoadConst json json:"{\"a\":[1,2.5,null,\"x\",true]}"
  MakeList list list<float> x | 1
  ListAppend list list x
  LoadConst names names
  MoveRef closure names
  MakeClosure closure show i | 0
  LoadConst secret secret:"db"
  Box box size
  LoadNull null
  Sleep pause
  ToText out list list<float>
  GetField i point 0
  ToText text i int
  Concat out out 1
  ToJson json env Env
  CallNative text json.text json
  RunInfo out "labels"
  Emit "log.info" text map
  Sleep pause
  EqRef yes point point
  Return text
end
)";

constexpr std::string_view kSignals = R"(
record Form { ticket: string, count: int = 2 }
record Given { payload: Form, sender: string }
runbook main() -> json = main
function main() -> json
  reg about by form given out ref
  reg limit duration
  LoadConst about json:"{\"name\":\"what\"}"
  LoadConst by json:"[{\"group\":\"sre\"},{\"starter\":true}]"
  LoadConst limit duration:1h
  WaitSignal _ "begin" Given | _ _
  Ask form about Form | limit 1
  WaitSignal given "go" Given | limit by
  ToJson out given Given
  Return out
end
)";

constexpr std::string_view kFirst = R"(
record Given { payload: int, sender: string }
action look(what: string) -> string reads
step probe
runbook main() -> json = main
function main() -> json
  reg a b c won out ref
  reg which int
  reg limit duration
  LoadConst limit duration:1h
  MakeClosure a signals _ | 0
  MakeClosure b sleeps limit | 1
  MakeClosure c probes _ | 0
  WaitFirst which won a | 3
  JumpEqImm which 0 @signal
  ToText out which int
  ToJson out out string
  Return out
signal:
  ToJson out won Given
  Return out
end
function signals() -> json
  reg given ref
  WaitSignal given "go" Given | _ _
  Return given
end
function sleeps(limit: duration) -> json
  reg none ref
  LoadNull none
  Sleep limit
  Return none
end
function probes() -> json
  reg what out ref
  LoadConst what "x"
  StepBegin probe _
  Perform out look what | _ 0 0
  StepEnd out string
  Return out
end
)";

constexpr std::string_view kLocks = R"(
record Form { ticket: string, count: int = 2 }
action look(what: string) -> string reads
action change(what: string) -> string writes
step outer
step probe rollback
runbook main() -> json = main
function main() -> json
  reg name body about form out ref
  reg mark block two which int
  reg hour duration
  LoadConst name "db"
  LoadInt two 2
  LoadConst hour duration:1h
  Mark mark
  Lock name _ _ | 1 2
  Lock name two hour | 0 0
  Mark block
  MakeClosure body inner name | 1
  ParallelBlock _ body 1 | list<json> two 0 | _ 0 _
  LoadConst about json:"{\"name\":\"go\"}"
  Ask form about Form | hour 1
  Unwind block 1
  Unwind mark 1
  WaitFirst which out body | 1
  ToText out which int
  ToJson out out string
  Return out
end
function inner(name: string) -> json
  reg what out undo ref
  reg two int
  LoadInt two 2
  Lock name two _ | 0 0
  LoadConst what "x"
  Lock what _ _ | 2 0
  StepBegin probe _
  Perform out change what | _ 0 0
  StepEnd out string
  MakeClosure undo back name | 1
  UndoPush undo probe 0
  ToJson out out string
  Return out
end
function back(name: string)
  reg what out ref
  LoadConst what "undo"
  Lock what _ _ | 0 0
  Perform out change what | _ 0 0
  ReturnNothing
end
)";

constexpr std::string_view kRuns = R"(
error RunFailed { run: string?, cause: string? }
action change(what: string) -> string writes
step child rollback
step aside
runbook main() -> json = main
runbook other(what: string) -> string = other
function main() -> json
  reg what out id undo ref
  reg mark int
  LoadConst what "x"
  Mark mark
  Lock what _ _ | 1 0
  StepBegin child _
  Start out other what | id 0
  MakeClosure undo back id | 1
  UndoPush undo child 0
  StepEnd out string
  StepBegin aside _
  Start _ other what | id 1
  StepEnd id string
  Perform out change id | _ 0 0
  ToJson out out string
  Return out
end
function other(what: string) -> string
  reg out ref
  Perform out change what | _ 0 0
  Return out
end
function back(id: string)
  UndoRun id
  ReturnNothing
end
)";

constexpr Sample kSamples[] = {{"steps", kSteps},   {"rollout", kRollout}, {"people", kPeople},
                               {"values", kValues}, {"signals", kSignals}, {"first", kFirst},
                               {"locks", kLocks},   {"runs", kRuns}};

}  // namespace

std::span<const Sample> samples() { return kSamples; }

}  // namespace rbk::vm::testing
