// Operations that neither wait nor speak to the engine. The runbook's output shows their results.
#include <gtest/gtest.h>

#include "vm/testing/driver.h"

namespace rbk::vm {
namespace {

using testing::Driver;

/// Runs a body whose function is `main() -> json`; the registers that most bodies need are there.
std::string run(std::string_view body, std::string_view declarations = "", Limits limits = {}) {
  std::string text(declarations);
  text += R"(
runbook main() -> json = main
function main() -> json
  reg a b c d e i int
  reg x y z float
  reg t u duration
  reg s size
  reg w v time
  reg f g bool
  reg p q r l m n o k j h ref
)";
  text += body;
  text += "\nend\n";
  Driver driver(text, limits);
  driver.start();
  std::string trace = driver.finish();
  trace.pop_back();
  return trace;
}

/// The same for a body that leaves its result in ref register p.
std::string value(std::string_view body, std::string_view declarations = "") {
  return run(std::string(body) + "\n  ToJson j p json\n  Return j", declarations);
}

TEST(ArithmeticTest, Ints) {
  EXPECT_EQ(value(R"(
  LoadInt a 7
  LoadInt b -2
  MakeList p list<int> a | 0
  AddInt c a b
  ListAppend p p c
  SubInt c a b
  ListAppend p p c
  MulInt c a b
  ListAppend p p c
  DivInt c a b
  ListAppend p p c
  ModInt c a b
  ListAppend p p c
  NegInt c a
  ListAppend p p c
  AddImm c a -10
  ListAppend p p c)"),
            "= succeeded [5,9,-14,-3,1,-7,-3]");
}

TEST(ArithmeticTest, OverflowAndDivisionByZeroRaise) {
  const char* kMost = "  LoadConst a 9223372036854775807\n  LoadInt b 1\n  LoadInt c 0\n";
  const auto fails = [&](const char* op) {
    return run(std::string(kMost) + op + "\n  LoadNull j\n  Return j");
  };
  EXPECT_EQ(fails("  AddInt a a b"), "= failed ArithmeticError: the sum does not fit 64 bits");
  EXPECT_EQ(fails("  MulInt a a a"), "= failed ArithmeticError: the product does not fit 64 bits");
  EXPECT_EQ(fails("  AddImm a a 1"), "= failed ArithmeticError: the sum does not fit 64 bits");
  EXPECT_EQ(fails("  NegInt a a\n  AddImm a a -1\n  NegInt a a"),
            "= failed ArithmeticError: the negative does not fit 64 bits");
  EXPECT_EQ(fails("  NegInt a a\n  AddImm a a -1\n  LoadInt b -1\n  DivInt a a b"),
            "= failed ArithmeticError: the quotient does not fit 64 bits");
  EXPECT_EQ(fails("  DivInt a a c"), "= failed ArithmeticError: division by zero");
  EXPECT_EQ(fails("  ModInt a a c"), "= failed ArithmeticError: division by zero");
}

TEST(ArithmeticTest, FloatsTimesAndDurations) {
  EXPECT_EQ(value(R"(
  LoadConst x 1.5
  LoadConst y 0.25
  AddFloat z x y
  Box p z
  ToText p p float?
  MulFloat z x y
  ToText q z float
  DivFloat z x y
  FloatToInt a z
  ToText r a int
  LoadConst t duration:90s
  LoadConst w time:2026-11-24T13:00:00Z
  AddTime v w t
  ToText k v time
  DiffTime u v w
  ToText l u duration
  DivRatio z t u
  ToText m z float
  LoadInt a 3
  IntToFloat z a
  ToText n z float
  MakeList p list<string> p | 1
  ListAppend p p q
  ListAppend p p r
  ListAppend p p k
  ListAppend p p l
  ListAppend p p m
  ListAppend p p n)"),
            "= succeeded "
            R"(["1.75","0.375","6","2026-11-24T13:01:30Z","1m30s","1.0","3.0"])");
}

TEST(JumpTest, LoopsAndComparisons) {
  EXPECT_EQ(value(R"(
  LoadInt a 0
  LoadInt b 0
  LoadInt c 10
again:
  AddInt b b a
  ForLoop a c @again
  LoadInt d 55
  EqInt f b d
  Not g f
  MakeList p list<bool> f | 1
  ListAppend p p g
  LtInt f a c
  ListAppend p p f
  LeInt f a c
  ListAppend p p f)"),
            "= succeeded [true,false,false,true]");
}

TEST(CallTest, RecursionAndItsLimit) {
  const char* kFib = R"(
function fib(n: int) -> int pure
  reg one two a b int
  LoadInt two 2
  JumpGeInt n two @more
  Return n
more:
  AddImm a n -1
  Call a fib a
  AddImm b n -2
  Call b fib b
  AddInt a a b
  Return a
end
function forever(n: int) -> int pure
  AddImm n n 1
  Call n forever n
  Return n
end
)";
  EXPECT_EQ(value("  LoadInt a 15\n  Call a fib a\n  Box p a", kFib), "= succeeded 610");
  EXPECT_EQ(value("  LoadInt a 15\n  Call a forever a\n  Box p a", kFib),
            "= failed LimitError: calls are nested too deep");
}

TEST(CallTest, ClosuresKeepWhatTheyCaptured) {
  EXPECT_EQ(value(R"(
  LoadInt a 40
  MakeClosure k show a | 1
  LoadInt a 2
  CallClosure p k a)",
                  R"(
function show(n: int, more: int) -> string pure
  reg text ref
  AddInt n n more
  ToText text n int
  Return text
end
)"),
            R"(= succeeded "42")");
  EXPECT_EQ(value("  MakeClosure k zero a | 0\n  LoadInt a 2\n  CallClosure x k a",
                  "function zero(n: int) -> int pure\n  Return n\nend\n"),
            "= failed ProgramError: the program is malformed: a function with other parameters or "
            "another result was expected at 3 of main");
}

TEST(ObjectTest, RecordsEnumsRangesResults) {
  EXPECT_EQ(value(R"(
  LoadInt a 3
  LoadInt b 4
  MakeRecord q Point a
  GetField c q 1
  LoadConst r "x"
  MakeEnum k Env r | 2
  GetMember d k
  MakeRange l range<int> a
  RangeHigh e l
  MakeResult m Result<int> a
  ResultValue i m
  MakeMap n map<string,int> r | 0
  MakeList p list<json> q | 0
  ToJson o q Point
  ListAppend p p o
  ToJson o k Env
  ListAppend p p o
  ToJson o l range<int>
  ListAppend p p o
  ToJson o m Result<int>
  ListAppend p p o
  Box o c
  ListAppend p p o
  Box o d
  ListAppend p p o
  Box o e
  ListAppend p p o
  Box o i
  ListAppend p p o)",
                  R"(
record Point { x: int, y: int from "why" }
enum Env { dev, prod, custom (name: string) }
)"),
            R"(= succeeded [{"x":3,"why":4},{"custom":{"name":"x"}},{"from":3,"to":4},)"
            R"({"ok":3},4,2,4,3])");
}

TEST(ObjectTest, NullsAndWrongObjectsRaise) {
  EXPECT_EQ(run("  LoadNull p\n  ListLength a p\n  Return p"),
            "= failed NullError: expected a list, got null");
  EXPECT_EQ(run("  LoadNull p\n  Unbox a p\n  Return p"), "= failed NullError: the value is null");
  EXPECT_EQ(run("  LoadConst p \"x\"\n  ListLength a p\n  Return p"),
            "= failed ProgramError: the program is malformed: a list was expected at 1 of main");
  EXPECT_EQ(run("  LoadInt a 1\n  Box p a\n  Unbox x p\n  Return p"),
            "= failed ProgramError: the program is malformed: a int goes to a register of kind "
            "float");
}

TEST(ListTest, IndicesFromBothEnds) {
  const std::string head =
      "  LoadInt a 1\n  LoadInt b 2\n  LoadInt c 3\n  MakeList p list<int> a | 3\n";
  EXPECT_EQ(run(head + "  LoadInt i -1\n  ListGet d p i\n  Box j d\n  Return j"), "= succeeded 3");
  EXPECT_EQ(run(head + "  LoadInt i 3\n  ListGet d p i\n  Box j d\n  Return j"),
            "= failed IndexError: the list has 3 elements, and none at 3");
  EXPECT_EQ(run(head + "  LoadInt i -4\n  ListGet d p i\n  Box j d\n  Return j"),
            "= failed IndexError: the list has 3 elements, and none at -4");
}

TEST(ListTest, AppendingChangesOnlyWhatIsNotShared) {
  EXPECT_EQ(value(R"(
  LoadInt a 1
  MakeList p list<int> a | 1
  MoveRef q p
  ListAppend p p a
  ListAppend p p a
  ListLength b p
  ListLength c q
  MakeList p list<int> b | 2)"),
            "= succeeded [3,1]");
  EXPECT_EQ(value(R"(
  MakeList p list<json> p | 0
  ListAppend p p p
  ListAppend p p p)"),
            "= succeeded [[],[[]]]");
}

TEST(MapTest, KeepsTheOrderOfItsKeys) {
  const char* kNumbers = R"(
function numbered(count: int) -> map<string,int> pure
  reg key ref
  reg i int
  reg m prefix number ref
  MakeMap m map<string,int> key | 0
  LoadConst prefix "k"
again:
  ToText number i int
  Concat key prefix 2
  MapPut m m key
  ForLoop i count @again
  Return m
end
)";
  EXPECT_EQ(value(R"(
  LoadInt a 12
  Call q numbered a
  LoadConst r "k3"
  MapGet l q r
  Unbox b l
  LoadConst r "none"
  MapGet l q r
  IsNull f l
  MapLength c q
  LoadInt i 11
  MapKeyAt l q i
  MapValueAt d q i
  ToText m b int
  ToText n c int
  ToText o d int
  ToText k f bool
  MakeList p list<string> l | 5)",
                  kNumbers),
            R"(= succeeded ["k11","3","13","11","true"])");
  EXPECT_EQ(run("  LoadInt a 2\n  Call q numbered a\n  LoadInt i 3\n  MapValueAt d q i\n  Return p",
                kNumbers),
            "= failed IndexError: the map has 3 entries, and none at 3");
  EXPECT_EQ(value("  LoadInt a 3\n  Call p numbered a", kNumbers),
            R"(= succeeded {"k0":0,"k1":1,"k2":2,"k3":3})");
}

TEST(MapTest, GetOrGivesTheValueOrTheOther) {
  EXPECT_EQ(value(R"(
  LoadInt a 7
  LoadInt b 70
  MakeMap q map<int,int> a | 1
  LoadInt c 9
  MapGetOr d q a | c
  MapGetOr e q b | c
  MakeList p list<int> d | 2)"),
            "= succeeded [70,9]");
  EXPECT_EQ(value(R"(
  LoadConst l "k"
  LoadConst m "v"
  MakeMap q map<string,string> l | 1
  LoadConst n "other"
  MapGetOr o q l | n
  LoadConst l "none"
  MapGetOr r q l | n
  MoveRef m o
  MoveRef n r
  MakeList p list<string> m | 2)"),
            R"(= succeeded ["v","other"])");
  // The map is shared: what reads the other name must not see what is put into this one.
  EXPECT_EQ(value(R"(
  LoadInt a 1
  LoadInt b 2
  MakeMap q map<int,int> a | 1
  MoveRef p q
  LoadInt b 3
  MapPut q q a)"),
            R"(= succeeded {"1":2})");
}

TEST(MapTest, PutReplacesAndRemoveKeepsTheRest) {
  EXPECT_EQ(value(R"(
  MakeMap p map<int,int> a | 0
  LoadInt a 20
  LoadInt i 0
again:
  MulInt b a a
  MapPut p p a
  AddImm a a -1
  JumpGtInt a i @again
  LoadInt a 7
  LoadInt b 99
  MoveRef q p
  MapPut p p a
  MapLength c p
  CallNative l map.values p
  CallNative d list.sum l
  Call m without p
  CallNative e map.length m
  ListGet i l i
  MakeList p list<int> c | 3
  ListAppend p p i
  CallNative l map.values q
  CallNative d list.sum l
  ListAppend p p d)",
                  R"(
function without(m: map<int,int>) -> map<int,int> pure
  reg map ref
  reg key int
  LoadInt key 7
  MoveRef map m
  CallNative map map.remove map
  Return map
end
)"),
            "= succeeded [20,2920,19,400,2870]");
}

TEST(JsonTest, FieldsAndElements) {
  EXPECT_EQ(value(R"(
  LoadConst q json:"{\"hosts\":[{\"name\":\"web-1\"},{\"name\":null}],\"n\":2}"
  LoadConst r "hosts"
  JsonField l q r
  LoadInt i 0
  JsonIndex m l i
  LoadConst r "name"
  JsonField p m r)"),
            R"(= succeeded "web-1")");
  EXPECT_EQ(run(R"(
  LoadConst q json:"[1]"
  LoadConst r "hosts"
  JsonField l q r
  Return l)"),
            "= failed JsonError: .hosts: expected an object, got a list");
  EXPECT_EQ(run(R"(
  LoadConst q json:"[1]"
  LoadInt i 4
  JsonIndex l q i
  Return l)"),
            "= failed JsonError: [4]: the list has 1 elements");
}

TEST(JsonTest, ReadingByTypeNamesThePath) {
  const char* kTypes = R"(
record Host { name: string, port: int = 80, tags: list<string>? }
record Hosts { hosts: list<Host> }
enum Env { dev, prod from "production", custom (name: string) }
)";
  const auto reads = [&](const char* type, const char* json) {
    return value(std::string("  LoadConst q json:\"") + json + "\"\n  FromJson r q " + type +
                     "\n  ToJson p r " + type,
                 kTypes);
  };
  EXPECT_EQ(reads("Hosts", R"({\"hosts\":[{\"name\":\"a\",\"extra\":1}]})"),
            R"(= succeeded {"hosts":[{"name":"a","port":80,"tags":null}]})");
  EXPECT_EQ(reads("Hosts", R"({\"hosts\":[{\"name\":\"a\"},{\"name\":null}]})"),
            "= failed JsonError: $.hosts[1].name: expected string, got null");
  EXPECT_EQ(reads("Hosts", R"({\"hosts\":[{}]})"),
            "= failed JsonError: $.hosts[0].name: expected string, but it is missing");
  EXPECT_EQ(reads("Hosts", "[]"), "= failed JsonError: $: expected Hosts, got a list");
  EXPECT_EQ(reads("Env", R"(\"production\")"), R"(= succeeded "production")");
  EXPECT_EQ(reads("Env", R"({\"custom\":{\"name\":\"x\"}})"),
            R"(= succeeded {"custom":{"name":"x"}})");
  EXPECT_EQ(reads("Env", R"(\"prod\")"),
            "= failed JsonError: $: expected Env (one of dev, production, {\"custom\": {\"name\": "
            "...}}), got \"prod\"");
  EXPECT_EQ(reads("Env", R"(\"custom\")"),
            "= failed JsonError: $: expected {\"custom\": {\"name\": ...}} (custom has values with "
            "it), got \"custom\"");
  EXPECT_EQ(reads("Env", R"({\"production\":{}})"),
            "= failed JsonError: $: expected production (production has no values), got an object");
  EXPECT_EQ(reads("map<string,duration?>", R"({\"a\":\"5m30s\",\"b\":null})"),
            R"(= succeeded {"a":"5m30s","b":null})");
  EXPECT_EQ(reads("map<string,duration>", R"({\"a b\":5})"),
            R"(= failed JsonError: $["a b"]: expected a duration like "5m30s", got 5)");
  EXPECT_EQ(reads("list<size>", R"([1024,\"5MB\"])"), R"(= succeeded ["1KiB","5MB"])");
  EXPECT_EQ(reads("list<int>", "[1,2.0,1e3]"), "= succeeded [1,2,1000]");
  EXPECT_EQ(reads("list<int>", "[1.5]"), "= failed JsonError: $[0]: expected int, got 1.5");
  EXPECT_EQ(reads("Result<int>", R"({\"error\":{\"kind\":\"X\",\"message\":\"m\"}})"),
            R"(= succeeded {"error":{"kind":"X","message":"m","retryable":false}})");
}

TEST(JsonTest, TextIsReadExactlyOrRefused) {
  const auto parses = [](const char* text) {
    return value(std::string("  LoadConst q \"") + text + "\"\n  CallNative p string.to_json q");
  };
  EXPECT_EQ(parses(R"( {\"a\" : [1, -2.5, true, null, \"\\u00e9\\ud83d\\ude00\"]} )"),
            "= succeeded {\"a\":[1,-2.5E0,true,null,\"\xc3\xa9\xf0\x9f\x98\x80\"]}");
  EXPECT_EQ(parses("[1,]"),
            "= failed JsonError: no JSON: line 1, column 4: expected a value, got ']'");
  EXPECT_EQ(parses("[1"),
            "= failed JsonError: no JSON: line 1, column 3: expected ',' or ']', got the end");
  EXPECT_EQ(parses("01"),
            "= failed JsonError: no JSON: line 1, column 2: expected the end of the text, got '1'");
  EXPECT_EQ(parses("1e999"),
            "= failed JsonError: no JSON: line 1, column 6: expected a number that "
            "a float can hold, got the end");
  std::string deep(1000, '[');
  EXPECT_EQ(parses(deep.c_str()).substr(0, 41), "= failed JsonError: JSON may be nested 40");
}

TEST(TextTest, InterpolationAndSecrets) {
  EXPECT_EQ(value(R"(
  LoadInt a 5
  ToText q a int
  LoadConst r "/"
  LoadConst t duration:90s
  ToText l t duration
  LoadNull m
  ToText m m string?
  MakeList n list<string> q | 2
  ToText n n list<string>
  Concat p q 5)"),
            R"(= succeeded "5/1m30snull[\"5\",\"/\"]")");
  EXPECT_EQ(value("  LoadConst q secret:\"db\"\n  ToText p q secret"),
            "= failed SecretError: a secret can't become text");
  EXPECT_EQ(value("  LoadConst q secret:\"db\"\n  MakeList q list<secret> q | 1\n"
                  "  ToText p q list<secret>"),
            "= failed SecretError: a secret can't become text");
  EXPECT_EQ(value("  LoadConst p secret:\"db\""), R"(= succeeded {"secret":"db"})");
}

TEST(EqualityTest, IsDeepAndByValue) {
  EXPECT_EQ(value(R"(
  LoadConst q json:"{\"a\":[1,2.0],\"b\":{}}"
  LoadConst r json:"{\"b\":{},\"a\":[1.0,2]}"
  EqRef f q r
  LoadConst k "x"
  LoadConst l "y"
  EqRef g k l
  MakeList p list<bool> f | 2
  LtString f k l
  ListAppend p p f
  LeString f l k
  ListAppend p p f)"),
            "= succeeded [true,false,true,false]");
}

TEST(ErrorTest, CatchSeesKindMessageAndFields) {
  EXPECT_EQ(value(R"(
  Mark a
begin:
  LoadInt b 3
  Box q b
  LoadConst r "exit 3"
  EqInt f b b
  MakeError k ShellError q | r f
  Raise k
end:
caught:
  ErrorMessage l h
  ErrorKindName m h
  GetField n h 0
  ErrorIs f h ShellError
  Box o f
  ErrorRetryable f h
  Box k f
  ErrorIs f h Other
  Box j f
  MakeList p list<json> l | 6
  catch begin end caught h a)",
                  R"(
error ShellError { exit_code: int? }
error Other { }
)"),
            R"(= succeeded ["exit 3","ShellError",3,true,true,false])");
}

TEST(ErrorTest, HandlersOfCallersCatchToo) {
  EXPECT_EQ(value(R"(
  Mark a
begin:
  LoadInt b 0
  Call b divide b
end:
  LoadNull p
  Jump @out
caught:
  ErrorMessage p h
out:
  Nop
  catch begin end caught h a)",
                  R"(
function divide(n: int) -> int pure
  reg one int
  LoadInt one 1
  DivInt n one n
  Return n
end
)"),
            R"(= succeeded "division by zero")");
}

TEST(LimitTest, FuelMemoryDepthAndWork) {
  EXPECT_EQ(run("again:\n  Jump @again\n  Return p", "", {.fuel = 10000}),
            "= failed LimitError: the run has computed too long without waiting");
  EXPECT_EQ(run(R"(
  LoadConst p "0123456789abcdef"
again:
  MoveRef q p
  Concat p p 2
  Jump @again
  Return p)",
                "", {.memory = 1 << 20}),
            "= failed LimitError: the run's values need more than 1MiB");
  EXPECT_EQ(run(R"(
  MakeList p list<json> p | 0
again:
  MakeList p list<json> p | 1
  Jump @again
  Return p)"),
            "= failed LimitError: values may be nested 400 deep");
  // Sixty lists, each holding the one before twice: small to hold, endless to print.
  EXPECT_EQ(run(R"(
  MakeList p list<json> p | 0
  LoadInt a 0
  LoadInt b 60
again:
  MoveRef q p
  MakeList p list<json> p | 2
  ForLoop a b @again
  ToText j p list<json>
  Return j)",
                "", {.fuel = 1'000'000, .memory = 1 << 24})
                .substr(0, 20),
            "= failed LimitError:");
}

TEST(LimitTest, CleanUpAfterALimitCanStillRunAndCatchCantSwallowIt) {
  EXPECT_EQ(run(R"(
  Mark a
begin:
again:
  Jump @again
end:
  Return p
caught:
  Return p
cleanup:
  LoadConst q "log.info"
  LoadConst r "cleaning"
  Emit "log.info" r _
  Raise h
  catch begin end caught h a
  cleanup begin end cleanup h a)",
                "", {.fuel = 10000}),
            "info: cleaning\n"
            "= failed LimitError: the run has computed too long without waiting");
  EXPECT_EQ(
      run(R"(
  Mark a
begin:
again:
  Jump @again
end:
  Return p
cleanup:
  Jump @cleanup
  cleanup begin end cleanup h a)",
          "", {.fuel = 10000}),
      "= failed LimitError: the run has computed too long without waiting, clean-up included");
}

TEST(LimitTest, AnErrorThatItsOwnHandlerRaisesAgainComesToAnEnd) {
  EXPECT_EQ(
      run(R"(
  LoadInt a 0
  Mark b
begin:
again:
  DivInt a a a
end:
  Return p
  cleanup begin end again h b)",
          "", {.fuel = 10000}),
      "= failed LimitError: the run has computed too long without waiting, clean-up included");
}

}  // namespace
}  // namespace rbk::vm
