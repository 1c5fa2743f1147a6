// The tokens of Runbook. The text is cut into them by compiler/syntax (scan.cpp, layout.cpp): that
// is faster than a generated lexer, and the newline rule, nested `${}` and bracket repair need more
// than regular expressions. So this grammar is only the vocabulary: from it the build makes
// `grammar/token_kinds.h`, with every spelling in the table of words. It is never run as a lexer.
lexer grammar RunbookLexer;

tokens {
  // Made of characters.
  NAME, UPPER, INT, FLOAT, DURATION, SIZE,
  STRING,                                // without `${}`: one token
  STR_BEGIN, STR_TEXT, INTERP_BEGIN, INTERP_END, STR_END,
  // Told from their neighbours, so that the parser needs one token of look-ahead and never guesses.
  LABEL,                                 // any word before a `:`
  MEMBER,                                // any word after `.` or `?.`, and an enum's member
  TERM,                                  // a statement's end: a newline that counts, `;`, a block's `}`
  VBRACE,                                // `{` of a value or a pattern, after its type
  EBRACE,                                // `{` of entries that belong to a keyword: record, form, sandbox
  TYPE_LT, TYPE_GT,                      // `<` and `>` of a type
  RANGE_OPEN,                            // `..` before `]`
  GUARD_IF,                              // `if` after something: of an arm, a `retry`, a `given`
  ELSE_IF,                               // `else` before `if`
  ELSE_VALUE,                            // `else` before a value: of `where` and `require`
  FN_VALUE,                              // `fn` of `fn(x) => value`
  FN_NATIVE,                             // `fn` of a declaration that ends in `= native`
  WAIT_FIRST, WAIT_SIGNAL, WAIT_UNTIL,   // `wait` before `first {`, `for`, `until`
  WAIT_TIMEOUT,                          // `timeout` of a `wait for signal`
  ON_FAILURE, ON_DOUBT, ON_WORKER,       // both words
  TOLERATE_PERCENT,                      // `%` of `tolerate 5%`
  EVERY_DAY,                             // `every` after `closed`
  ZONE_IN                                // `in` before a schedule's time zone
}

// Reserved: what opens a declaration or a statement, and operators.
LET: 'let'; VAR: 'var'; STEP: 'step'; RETURN: 'return'; BREAK: 'break'; CONTINUE: 'continue';
REQUIRE: 'require'; DEFER: 'defer'; COMMIT: 'commit'; LOCK: 'lock'; FOR: 'for'; REPEAT: 'repeat';
UNTIL: 'until'; HOLD: 'hold'; BEFORE: 'before'; AFTER: 'after'; APPROVAL: 'approval'; ASK: 'ask';
EXPECT: 'expect'; GIVEN: 'given'; CRASH: 'crash'; IF: 'if'; ELSE: 'else'; MATCH: 'match';
CASE: 'case'; TRY: 'try'; CATCH: 'catch'; PARALLEL: 'parallel'; WAIT: 'wait'; FAIL: 'fail';
FN: 'fn'; IMPORT: 'import'; CONST: 'const'; RECORD: 'record'; ENUM: 'enum'; RUNBOOK: 'runbook';
AND: 'and'; OR: 'or'; NOT: 'not'; IN: 'in'; MATCHES: 'matches'; AS: 'as';
TRUE: 'true'; FALSE: 'false'; NULL_LIT: 'null';

// A step's clauses: they name no value, and a line that begins with one continues the one before.
TIMEOUT: 'timeout'; RETRY: 'retry'; ROLLBACK: 'rollback'; IRREVERSIBLE: 'irreversible'; ON: 'on';
WHEN: 'when'; SANDBOX: 'sandbox'; READS: 'reads'; IDEMPOTENT: 'idempotent'; WHERE: 'where';

// Open a declaration, and are names elsewhere.
ERROR: 'error'; ACTION: 'action'; SCHEDULE: 'schedule'; TRIGGER: 'trigger'; CALENDAR: 'calendar';
TEST: 'test'; INVARIANT: 'invariant';

// Keywords in one place only, told from names by what stands around them.
FIRST: 'first'; SIGNAL: 'signal'; START: 'start'; DETACH: 'detach'; APPROVE: 'approve';
ANSWER: 'answer';

// Soft: keywords where the grammar has them, names elsewhere (rule `name`).
ALL: 'all'; ALLOW: 'allow'; AT: 'at'; BACKOFF: 'backoff'; BREAK_GLASS: 'break_glass'; BY: 'by';
CANCEL: 'cancel'; CANCEL_RUNNING: 'cancel_running'; CLOSED: 'closed'; CONTAINER: 'container';
CRON: 'cron'; DEFAULT_: 'default'; DELAY: 'delay'; ENV: 'env'; ESCALATE: 'escalate';
EVERY: 'every'; EXCLUSIVE: 'exclusive'; EXEC: 'exec'; EXPIRES: 'expires'; FAILURE: 'failure';
FORM: 'form'; FROM: 'from'; GROUP: 'group'; KEY: 'key'; LIMIT: 'limit'; LOCAL: 'local';
MAX: 'max'; MISSED: 'missed'; MOST: 'most'; NATIVE: 'native'; NONE: 'none'; NOTIFY: 'notify';
ONCE: 'once'; ORDER: 'order'; OUTSIDE: 'outside'; OVERLAP: 'overlap'; PER: 'per'; QUEUE: 'queue';
QUORUM: 'quorum'; REJECT: 'reject'; RUN: 'run'; SKIP_: 'skip'; STARTER: 'starter';
SUCCESS: 'success'; THEN: 'then'; TIMES: 'times'; TOLERATE: 'tolerate'; UNDO: 'undo';
USER: 'user'; VERIFY: 'verify'; WITHIN: 'within'; WRITES: 'writes';

// Types that take arguments or open a brace; they can't name values.
LIST: 'list'; MAP: 'map'; JSON: 'json';

LBRACE: '{'; RBRACE: '}'; LPAREN: '('; RPAREN: ')'; LBRACK: '['; RBRACK: ']';
COMMA: ','; SEMI: ';'; COLON: ':'; AT_SIGN: '@'; PIPE: '|'; QUEST: '?';
DOT: '.'; QDOT: '?.'; RANGE: '..'; RANGE_LT: '..<';
ASSIGN: '='; ARROW: '=>'; RARROW: '->';
EQ: '=='; NE: '!='; LT: '<'; LE: '<='; GT: '>'; GE: '>=';
PLUS: '+'; MINUS: '-'; STAR: '*'; SLASH: '/'; PERCENT: '%'; COALESCE: '??';
