// The grammar of Runbook: the language's one definition.
//
// Every choice is made by one token: the token source (compiler/syntax) tells the meanings of a word
// apart by its neighbours, so there is nothing to predict and nothing can be ambiguous. A test holds
// the generated parser to that. Everything that the tree builder needs has a label, because no parse
// tree is built: rule contexts and their labels are all there is.
//
// Precedence is not here but in the tree builder: a flat list keeps a long chain off the stack.
parser grammar RunbookParser;
options { tokenVocab = RunbookLexer; }

// ---- Declarations: one at a time, cut apart by the token source

declaration
  : notes+=annotation*
    ( kw=IMPORT s=text AS n=name
    | kw=CONST (n=name | l=LABEL COLON t=type) ASSIGN e=expr
    | kw=FN n=name f=params (RARROW t=type)? b=block
    | kw=FN_NATIVE n=name (TYPE_LT of+=type (COMMA of+=type)* gt=TYPE_GT)? (DOT m=MEMBER)? f=params?
      (RARROW t=type)? ASSIGN NATIVE
    | kw=RECORD n=name EBRACE fs=fields RBRACE
    | kw=ENUM n=name EBRACE (members+=enumMember ((COMMA | TERM) members+=enumMember)*)? RBRACE
    | kw=ERROR n=name (EBRACE fs=fields RBRACE)?
    | kw=RUNBOOK n=name f=params (RARROW t=type)? clauses+=headClause* b=block
    | kw=ACTION n=name f=params (RARROW t=type)? effect=(READS | IDEMPOTENT | WRITES)? ASSIGN
      (how=NATIVE | how=EXEC e=expr)
    | kw=SCHEDULE n=name FOR p=path a=args? sb=scheduleBody
    | kw=TRIGGER n=name FOR p=path a=args? tb=triggerBody
    | kw=CALENDAR n=name (IN e=expr)? cb=calendarBody
    | kw=TEST s=text b=block
    | kw=INVARIANT s=text FOR p=path b=block
    )
    TERM? EOF
  ;

annotation : AT_SIGN n=name a=args? ;

params : LPAREN fs=fields RPAREN ;

// Within parentheses there are no TERMs.
fields : (items+=field ((COMMA | TERM) items+=field)*)? ;

field
  : notes+=annotation* (n=name | l=LABEL COLON t=type)
    (ASSIGN e=expr | FROM o=text | r+=refinement)*
  ;

refinement : WHERE c=expr (ELSE_VALUE m=expr)? ;

enumMember : m=MEMBER f=params? (FROM o=text)? ;

headClause
  : kw=ALLOW w+=who (COMMA w+=who)*
  | kw=ON_WORKER e=expr
  | kw=EXCLUSIVE e=expr how=(QUEUE | REJECT | CANCEL_RUNNING)?
  | kw=OUTSIDE p=path (THEN then=(SKIP_ | DELAY))?
  | kw=MAX e=expr
  ;

scheduleBody : LBRACE (items+=scheduleItem TERM)* RBRACE ;

scheduleItem
  : kw=CRON s=text (ZONE_IN z=expr)?
  | kw=EVERY e=expr (ZONE_IN z=expr)?
  | kw=OVERLAP w=(SKIP_ | QUEUE | CANCEL_RUNNING)
  | kw=MISSED (w=SKIP_ | RUN w=(ONCE | ALL) (WITHIN e=expr)?)
  | kw=OUTSIDE p=path (THEN w=(SKIP_ | DELAY))?
  ;

triggerBody : LBRACE (items+=triggerItem TERM)* RBRACE ;

triggerItem
  : kw=FROM n=name e=expr (WHERE e2=expr)?
  | kw=KEY e=expr
  | kw=AT MOST e=expr PER e2=expr
  ;

calendarBody : LBRACE (items+=closedItem TERM)* RBRACE ;

closedItem
  : CLOSED
    ( EVERY_DAY days+=name (COMMA days+=name)* (AFTER after=expr)? (BEFORE before=expr)?
    | e=expr
    )
    why=text?
  ;

// ---- Statements: one keyword opens each; what opens with none is a value, mostly a call

block : LBRACE (items+=statement TERM)* RBRACE ;

statement
  : kw=(LET | VAR) (n=name | l=LABEL COLON t=type) ASSIGN e=expr
  | kw=STEP n=name title=text? (ASSIGN launch=(START | DETACH)? e=expr | b=block) c+=clause*
  | kw=FOR n=name (COMMA n2=name)? IN e=expr b=block
  | lp=loop
  | kw=UNTIL e=expr
  | kw=RETURN (e=expr)?
  | kw=BREAK
  | kw=CONTINUE
  | kw=REQUIRE e=expr (ELSE_VALUE e2=expr)?
  | kw=DEFER b=block
  | kw=COMMIT e=expr
  | kw=LOCK e=expr opts+=lockOption* b=block
  | kw=BEFORE ROLLBACK n=name? b=block
  | kw=AFTER w=(SUCCESS | FAILURE | CANCEL) n=name? b=block
  | kw=(APPROVAL | ASK) n=name e=expr ab=approvalBody
  | kw=EXPECT e=expr
  | kw=GIVEN
    (w=(APPROVAL | ASK | SIGNAL) n=name | p=path a=args?) (GUARD_IF e=expr)? ARROW r=reply
  | kw=CRASH w=(BEFORE | AFTER) STEP p=path
  | e=expr (ASSIGN e2=expr)? c+=clause*
  ;

// Those that an arm of `wait first` may hold too.
loop
  : kw=REPEAT EVERY e=expr (AT MOST e2=expr times=TIMES?)? b=block
  | kw=HOLD e=expr EVERY e2=expr b=block
  ;

lockOption : kw=(LIMIT | TIMEOUT | EXPIRES) e=expr ;

reply
  : kw=IN ORDER LBRACK (items+=expr (COMMA items+=expr)*)? RBRACK
  | kw=(APPROVE | ANSWER) (EBRACE es=entries RBRACE)?
  | e=expr
  ;

approvalBody : LBRACE (items+=approvalItem TERM)* RBRACE ;

approvalItem
  : kw=BY w+=who (COMMA w+=who)*
  | kw=NOT BY w+=who (COMMA w+=who)*
  | kw=QUORUM e=expr
  | kw=FORM EBRACE fs=fields RBRACE
  | kw=NOTIFY targets+=expr (COMMA targets+=expr)*
  | kw=EXPIRES e=expr THEN
    (then=(REJECT | DEFAULT_ | FAIL) | then=ESCALATE w+=who (COMMA w+=who)*)
  | kw=BREAK_GLASS w+=who (COMMA w+=who)*
  | kw=ALLOW STARTER
  ;

who : kw=(USER | GROUP) o=operand | kw=STARTER ;

clause
  : kw=TIMEOUT e=expr
  | kw=RETRY e=expr TIMES (BACKOFF e2=expr)? (ON kinds+=path (COMMA kinds+=path)*)?
    (GUARD_IF e3=expr)?
  | kw=ROLLBACK (b=block | NONE e=expr)
  | kw=IRREVERSIBLE e=expr
  | kw=ON_DOUBT
    (how=(RETRY | UNDO | FAIL) | how=VERIFY b=block | how=ASK (BY w+=who (COMMA w+=who)*)?)
  | kw=ON_FAILURE (how=CONTINUE | how=ASK (BY w+=who (COMMA w+=who)*)?)
  | kw=WHEN e=expr
  | kw=READS
  | kw=IDEMPOTENT
  | kw=SANDBOX (how=LOCAL | how=CONTAINER e=expr) (brace=EBRACE es=entries RBRACE)?
  ;

// ---- Expressions

// A `wait for signal` ends in open-ended parts, so it is no operand: there it needs parentheses.
expr : first=operand tails+=tail* | ws=waitSignal ;

waitSignal
  : WAIT_SIGNAL FOR SIGNAL (n=name | l=LABEL COLON t=type) (BY w+=who)* (WAIT_TIMEOUT o=operand)?
  ;

tail
  : op=( STAR | SLASH | PERCENT | PLUS | MINUS | RANGE | RANGE_LT | COALESCE | EQ | NE | LT | LE | GT
       | GE | IN | MATCHES | AND | OR ) r=operand
  | op=NOT IN r=operand
  | op=AS t=type
  ;

operand
  : pre+=prefix*
    ( tok=(INT | FLOAT | DURATION | SIZE | STRING | TRUE | FALSE | NULL_LIT)
    | tok=( NAME | UPPER | LIST | MAP | JSON
          | ALL | ALLOW | AT | BACKOFF | BREAK_GLASS | BY | CANCEL | CANCEL_RUNNING | CLOSED
          | CONTAINER | CRON | DEFAULT_ | DELAY | ENV | ESCALATE | EVERY | EXCLUSIVE | EXEC
          | EXPIRES | FAILURE | FORM | FROM | GROUP | KEY | LIMIT | LOCAL | MAX | MISSED | MOST
          | NATIVE | NONE | NOTIFY | ONCE | ORDER | OUTSIDE | OVERLAP | PER | QUEUE | QUORUM
          | REJECT | RUN | SKIP_ | STARTER | SUCCESS | THEN | TIMES | TOLERATE | UNDO | USER
          | VERIFY | WITHIN | WRITES )
    | str=interpolated
    | tok=DOT m=MEMBER
    | tok=LPAREN e=expr RPAREN
    | tok=LBRACK (items+=expr (COMMA items+=expr)*)? RBRACK
    | cp=compound
    )
    suffixes+=suffix*
  ;

compound
  : tok=FN f=params b=block
  | tok=IF e=expr b=block (ELSE_IF IF conds+=expr thens+=block)* (ELSE b2=block)?
  | tok=MATCH e=expr mb=matchBody
  | tok=TRY b=block CATCH n=name? b2=block
  | tok=PARALLEL (FOR n=name (COMMA n2=name)? IN e=expr)? opts+=parallelOption* b=block
  | tok=WAIT_FIRST FIRST wb=waitBody
  ;

prefix : op=(MINUS | NOT | FAIL | WAIT) | op=WAIT_UNTIL UNTIL | op=FN_VALUE f=params ARROW ;

suffix
  : tok=(DOT | QDOT) m=MEMBER
  | tok=LPAREN (items+=arg (COMMA items+=arg)*)? RPAREN
  | tok=LBRACK (r=(RANGE | RANGE_LT) e=expr | r=RANGE_OPEN | e=expr open=RANGE_OPEN?) RBRACK
  | tok=VBRACE es=entries RBRACE
  ;

args : LPAREN (items+=arg (COMMA items+=arg)*)? RPAREN ;

arg : (l=LABEL COLON)? e=expr ;

entries : (items+=entry ((COMMA | TERM) items+=entry)*)? ;

entry : l=LABEL COLON v=expr | k=expr (COLON v=expr)? ;

parallelOption
  : kw=LIMIT e=expr
  | kw=ON_FAILURE (how=FAIL | how=CONTINUE | how=TOLERATE e=expr percent=TOLERATE_PERCENT?)
  ;

matchBody : LBRACE (items+=arm TERM)* RBRACE ;

arm : CASE p=pattern (GUARD_IF g=expr)? ARROW (b=block | s=statement) ;

waitBody : LBRACE (items+=waitArm TERM)* RBRACE ;

waitArm
  : CASE
    ( kw=SIGNAL (n=name | l=LABEL COLON t=type) (AS n2=name)?
    | kw=UNTIL e=expr
    | lp=loop
    | e=expr
    )
    ARROW (b=block | s=statement)
  ;

text : tok=STRING | str=interpolated ;

interpolated : open=STR_BEGIN parts+=stringPart* STR_END ;

stringPart : tok=STR_TEXT | tok=INTERP_BEGIN e=expr INTERP_END ;

// ---- Patterns

pattern : alts+=patternAlt (PIPE alts+=patternAlt)* ;

patternAlt
  : low=literal (r=(RANGE | RANGE_LT) high=bound)?
  | tok=NULL_LIT
  | tok=DOT m=MEMBER (open=LPAREN (ps+=pattern (COMMA ps+=pattern)*)? RPAREN)?
  | p=path
    ( open=LPAREN (ps+=pattern (COMMA ps+=pattern)*)? RPAREN
    | open=VBRACE (fs+=patternField ((COMMA | TERM) fs+=patternField)*)? RBRACE
    | r=(RANGE | RANGE_LT) high=bound
    )?
  ;

literal : neg=MINUS? tok=(INT | FLOAT | DURATION | SIZE | STRING | TRUE | FALSE) ;

bound : v=literal | p=path ;

patternField : n=name | l=LABEL COLON p=pattern ;

// ---- Types and names

type
  : p=path (TYPE_LT a+=type (COMMA a+=type)* TYPE_GT)? q+=QUEST*
  | fn=FN LPAREN (a+=type (COMMA a+=type)*)? RPAREN (RARROW r=type)?
  ;

path : n=name (DOT more+=MEMBER)* ;

name
  : tok=( NAME | UPPER | LIST | MAP | JSON
        | ALL | ALLOW | AT | BACKOFF | BREAK_GLASS | BY | CANCEL | CANCEL_RUNNING | CLOSED
        | CONTAINER | CRON | DEFAULT_ | DELAY | ENV | ESCALATE | EVERY | EXCLUSIVE | EXEC
        | EXPIRES | FAILURE | FORM | FROM | GROUP | KEY | LIMIT | LOCAL | MAX | MISSED | MOST
        | NATIVE | NONE | NOTIFY | ONCE | ORDER | OUTSIDE | OVERLAP | PER | QUEUE | QUORUM
        | REJECT | RUN | SKIP_ | STARTER | SUCCESS | THEN | TIMES | TOLERATE | UNDO | USER
        | VERIFY | WITHIN | WRITES )
  ;
