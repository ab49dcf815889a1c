"""Strings and documents known to break programs, written down in our own words after the lists that testers share."""

# Words of languages and programs, numbers that are none, scripts, quotes, paths, formulas, scripts of the world.
_WORDS = """
undefined undef null NULL (null) nil NIL true false True False TRUE FALSE None hasOwnProperty then constructor __proto__ toString
0 1 1.00 $1.00 1/2 1E2 1E02 -1 -1.00 -$1.00 0/0 -0 -0.0 +0 1..0 . .0. 00 01 0x0 0xffffffff 0xabad1dea 9223372036854775808
999999999999999999999999999999999999999999 NaN Infinity -Infinity INF 1#INF 1#QNAN 1_000 1,000.00 1.000,00 08 09 0b1 0o7
<script>alert(1)</script> <img/src=x/onerror=alert(1)> "><svg/onload=alert(1)> javascript:alert(1) {{7*7}} ${7*7} #{7*7} <%=7*7%> {%x%}
{0} {0.__class__} %s %d %n %x %(name)s $HOME $ENV{'HOME'} `id` $(id) ;id |id &&id ../../etc/passwd ..\\..\\windows\\win.ini
/dev/null;touch file:///etc/passwd CON PRN AUX NUL COM1 LPT1 .htaccess ' '' "" ` ´ ' '' ''' '; '--  1'or'1'='1 1;DROP_TABLE_users
'||'1'='1 admin'-- admin'# ' UNION%20SELECT '/**/OR/**/1=1 sleep(5) pg_sleep(5) load_extension('x') randomblob(1000000000) \\ \\\\ \\' \\" %00 %0d%0a
*)(uid=* )(cn=*)) .* ^(a+)+$ [ ] { } ( ) < > ? ! @ # $ % ^ & * - + = | ~ : ; , =HYPERLINK("x") +1+1 -1+1 @SUM(1)
1;2 a% %a% a_b _ %% \\% \\_ ' " rowid oid ctid sqlite_master pg_catalog information_schema
""".split()

_WRITTEN = [
    "", " ", "  leading", "trailing  ", "\t", "\n", "\r\n", "a\nb", "a\rb", "a\tb", "\x01\x02\x1f\x7f", "\x0b\x0c", "\x85", "\xa0", "\u2028\u2029",
    "Ω≈ç√∫˜µ≤≥÷", "åß∂ƒ©˙∆˚¬…æ", "œ∑´®†¥¨ˆøπ“‘", "ЁЂЃЄЅІЇЈЉЊЋЌЍЎЏ", "٠١٢٣٤٥٦٧٨٩", "⁰⁴⁵₀₁₂", "ด้้้้้็็็็็้้้้้", "田中さんにあげて下さい", "社會科學院語學研究所", "울란바토르",
    "𠜎𠜱𠝹𠱓𠱸𠲖𠳏", "Ⱥ", "Ⱦ", "ヽ༼ຈل͜ຈ༽ﾉ", "(｡◕ ∀ ◕｡)", "😍", "👩🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇺🇸🇷🇺", "１２３", "١٢٣", "ثم نفس سقطت وبالتحديد", "בְּרֵאשִׁית", "﷽",
    "\u200b", "\u200c\u200d", "\ufeff", "\ufeffbom", "\u202etest\u202c", "\u2066test\u2067", "\u180e", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤", "˙ɐnbᴉlɐ", "Ｔｈｅ ｑｕｉｃｋ", "𝐓𝐡𝐞 𝐪𝐮𝐢𝐜𝐤",
    "ﬁ", "ǆ", "İ", "ı", "ſ", "K", "Å", "e\u0301", "é", "ß", "ẞ", "Σίσυφος", "\ufffd", "\uffff", "\U0010ffff", "\ue000", "\U000e0001", "\u0300",
    "If you're reading this, you've been in a coma", "The quic\b\b\b\b\b\bk", "Power لُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ 冗", "గ్జ్ఞా", "a" * 10_000, "'" * 100,
    "\\" * 99 + "x", "%" * 1000, "_" * 1000, "SELECT * FROM users; --", "'; DROP TABLE users; --", "1' OR '1'='1' /*", "'; EXEC xp_cmdshell('x'); --",
    "Robert'); DROP TABLE posts;--", "a' AND 1=CAST((SELECT 1) AS int)--", "x' AND randomblob(100000000) --", "x'||pg_sleep(5)--", "$$;select 1;$$",
    '{"$gt": ""}', '["a"]', "null", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "!!python/object:os.system",
    "=cmd|' /C calc'!A0", "// a comment", "/* a comment */", "# a comment", "-- a comment", "a // b", "@request.auth.id", "@collection.users.id",
    "a\r\nSet-Cookie: x=1", "%0d%0aSet-Cookie: x=1", "Ċ", "()  { 0; }; touch x", "() { _; } >_[$($())] { touch x; }", "\u2019 OR 1=1", "ʼ OR 1=1", "＇ OR 1=1",
]  # fmt: skip

STRINGS = tuple(dict.fromkeys([*_WORDS, *_WRITTEN]))

# Bytes that stand in a JSON string and are no UTF-8: cut short, overlong, out of range, halves of pairs, continuation alone.
UNSTORABLE = (
    b"\xff", b"\xfe", b"\x80", b"\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\xe2\x82", b"caf\xe9", b"\xe5\xa5", b"\xf0\x9f\x98",
    b"\x00", b"\n", b"\t", b"\x1f", b"\\x41", b"\\u12", b"\\uZZZZ", b"\\", b"\\a", b"\\u{41}", b"\\U0001F600", b"\\'",
)  # fmt: skip

REFUSED_JSON = (
    b"[1 true]", b"[a\xe5]", b'["": 1]', b'[""],', b"[,1]", b"[1,,2]", b'["x",,]', b'["x"]]', b'["",]', b'["x"', b"[x", b"[3[4]]", b"[\xff]",
    b"[1:2]", b"[,]", b"[-]", b'[   , ""]', b'["a",\n4\n,1,', b"[1,]", b"[1,,]", b'["\x0ba"\\f]', b"[*]", b'[""', b"[1,", b"[1,\n1\n,1", b"[{}",
    b"[fals]", b"[nul]", b"[tru]", b"123\x00", b"[++1234]", b"[+1]", b"[+Inf]", b"[-01]", b"[-1.0.]", b"[-2.]", b"[-NaN]", b"[.-1]", b"[.2e-3]",
    b"[0.1.2]", b"[0.3e+]", b"[0.3e]", b"[0.e1]", b"[0E+]", b"[0E]", b"[0e+]", b"[0e]", b"[1.0e+]", b"[1.0e-]", b"[1.0e]", b"[1 000.0]", b"[1eE2]",
    b"[2.e+3]", b"[2.e-3]", b"[2.e3]", b"[9.e+]", b"[Inf]", b"[NaN]", b"[Infinity]", b"[-Infinity]", b"[1+2]", b"[0x1]", b"[0x42]", b"[-foo]",
    b"[- 1]", b"[-012]", b"[-.123]", b"[-1x]", b"[1ea]", b"[1e\xe5]", b"[1.]", b"[.123]", b"[1.2a-3]", b"[1.8011670033376514H-308]", b"[012]",
    b'["x", truth]', b'{[: "x"}', b'{"x", null}', b'{"x"::"b"}', b'{"a":"a" 123}', b'{key: "value"}', b'{"a" b}', b'{:"b"}', b'{"a" "b"}', b'{"a":',
    b'{"a"', b"{1:1}", b"{9999E9999:1}", b"{null:null,null:null}", b'{"id":0,,,,,}', b"{'a':0}", b'{"id":0,}', b'{"a":"b"}/**/', b'{"a":"b"}#',
    b'{"a":"b"}//', b'{"a":"b",,"c":"d"}', b'{a: "b"}', b'{"a":"a', b'{ "foo" : "bar", "a" }', b'{"a":"b"}#{}', b" ", b'["\\uD800\\"]', b'["\\u"]',
    b'["\\ud800"]', b'["\\uDd1e\\uD834"]', b'["\\ud800abc"]', b'["\\uDFAA"]', b'["\\uD888\\u1234"]', b'["\xed\xa0\x80"]', b'["\\x00"]', b'["\\\\\\"]',
    b'["\\\t"]', b'["\\\\a"', b'["\\a"]', b'["\\u00A"]', b'["\\uD834\\u"]', b"[\\n]", b'["\\', b"['single']", b"abc", b'["new\nline"]', b'["\t"]',
    b'"\\UA66D"', b'""x', b"<.>", b"[<null>]", b"[1]x", b"[1]]", b'["asd]', b"aa\xcc\x8a", b"[True]", b"1]", b'{"x": true,', b"[][]", b"]",
    b"\xef\xbb{}", b"\xe5", b"[", b"\x00", b"2@", b"{}}", b'{"":', b'{"a":/*comment*/"b"}', b'{"a": true} "x"', b"['", b'["a', b'[,{"', b"{,", b"{[",
    b'{"a', b"{'a'", b'["\\{["\\{["\\{["\\{', b"*", b'{"a":"b"}#{}', b"[\\u000A\"\"]", b"[1", b'{"asd":"asd"', b"a\xc3\xa5", b"[\xe2\x81\xa0]", b"[\x0c]",
    b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'["\\u0000"]', b"[" * 5000, b"[" * 1000 + b"]" * 1000, b'{"":' * 500 + b"1" + b"}" * 500,
    b"[1e400]", b"[-1e400]", b"[123123e100000]", b"[0.4e00669999999999999999999999999999999999999999999999999999999999999999999969999999006]",
    b"1" * 5000, b"[0." + b"1" * 500 + b"]",
)  # fmt: skip

ACCEPTED_JSON = (
    b'[""]', b"[]", b'["a"]', b"[false]", b'[null, 1, "1", {}]', b"[null]", b"[1\n]", b" [1]", b"[1,null,null,null,2]", b"[2] ", b"[[]   ]", b"[0e+1]",
    b"[0e1]", b"[ 4]", b"[123e45]", b"[-1]", b"[1E22]", b"[1E-2]", b"[1E+2]", b"[123e65]", b"[123.456e78]", b"[1e-2]", b"[1e+2]", b"[123]",
    b"[123.456789]", b'{"asd":"sdf", "dfg":"fgh"}', b'{"asd":"sdf"}', b"{}", b'{"":0}', b'{"min": -1.0e+28, "max": 1.0e+28}',
    b'{"x":[{"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}], "id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}', b'{"a":[]}',
    b'{"title":"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430"}', b'{\n"a": "b"\n}', b'["\\u0060\\u012a\\u12AB"]', b'["\\uD801\\udc37"]',
    b'["\\ud83d\\ude39\\ud83d\\udc8d"]', b'["\\"\\\\\\/\\b\\f\\n\\r\\t"]', b'["\\\\u0000"]', b'["\\""]', b'["a/*b*/c/*d//e"]', b'["\\\\a"]', b'["\\\\n"]',
    b'["\\u0012"]', b'["\\uFFFF"]', b'["asd"]', b'[ "asd"]', b'["\\uDBFF\\uDFFF"]', b'["new\\u00A0line"]', b'["\xf4\x8f\xbf\xbf"]', b'["\xef\xbf\xbf"]',
    b'["\\u002c"]', b'["\xcf\x80"]', b'["\xf0\x9b\xbf\xbf"]', b'["asd "]', b'" "', b'["\\uD834\\uDd1e"]', b'["\\u0821"]', b'["\\u0123"]',
    b'["\xe2\x80\xa8"]', b'["\xe2\x80\xa9"]', b'["\\u0061\\u30af\\u30EA\\u30b9"]', b'["new\\u000Aline"]', b'["\x7f"]', b'["\\uA66D"]', b'["\xe2\x8d\x82"]',
    b'["\\u005C"]', b'["\xe2\x82\xac\xf0\x9d\x84\x9e"]', b'["\\u200B"]', b'["\\u2064"]', b'["\\uFDD0"]', b'["\\uFFFE"]', b'["\\u0022"]', b'["a\x7fa"]',
    b"false", b"42", b"-0.1", b"null", b'"asd"', b"true", b'""', b'["a"]\n', b"[true]", b" [] ", b"0", b"[1.5]", b"[1e1]", b"[0.1]", b"[-9007199254740993]",
    b"[9223372036854775807]",
)  # fmt: skip
