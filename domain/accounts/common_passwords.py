"""The passwords that are tried first: of published lists, those of eight characters and more (shorter ones are refused anyway)."""

# One text, not a list: six hundred quoted words on lines of their own would be pages of nothing.
_TEXT = """
    00000000 000000000 0000000000 09876543 0987654321 10203040 1029384756 11111111 111111111 1111111111
    11112222 11223344 1122334455 12121212 12312312 123123123 1231231234 123123123a 12341234 1234123412
    12344321 12345678 123456789 1234567890 1234567891 12345678910 123456789a 123456789q 12345678a
    12345678q 123456abc 1234abcd 1234qwer 123654789 123698745 123abc123 123qwe123 123qweasd 123qweasdzxc
    13131313 135792468 14141414 147258369 147852369 1478523690 159357456 159753456 159951159 17171717
    19841984 19851985 19861986 19871987 1a2b3c4d 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc
    1qazxsw2 20202020 20252025 20262026 22222222 222222222 23232323 25252525 31415926 33333333 44444444
    55555555 555555555 66666666 69696969 77777777 777777777 789456123 7894561230 87654321 88888888
    888888888 963852741 98765432 987654321 9876543210 99999999 999999999 a1234567 a12345678 a123456789
    a1b2c3d4 aa123456 aa12345678 aaaaaaaa aaaaaaaaaa abc12345 abc123456 abc123abc abcd1234 abcd12345
    abcd123456 abcdef123 abcdefgh abcdefghi abcdefghij academia access14 admin123 admin1234 admin12345
    admin123456 adminadmin administrator airborne alexander alexandra amsterdam anderson andromeda
    angelica apple123 arsenal1 asd12345 asd123456 asdasdasd asdf1234 asdf12345 asdfasdf asdfgh123 asdfghjk
    asdfghjkl asdqwe123 atlantis australia babygirl babygirl1 bailey123 barcelona baseball baseball1
    basketball batman123 beautiful bismillah blahblah blink182 bluebird brooklyn butterfly california
    caroline champion changeit changeme changeme1 changeme123 charlie1 charlotte chelsea1 chocolate
    chocolate1 christian christin christina christine christmas computer computer1 consumer corvette
    courtney cowboys1 danielle december default1 default123 diamonds dinosaur dolphins elephant elizabeth
    england1 estrella fantasia favorite february fernando fireball firebird florence football football1
    football123 forever1 forever21 formula1 francesco franklin freedom1 friendly friends1 friendship
    fuckyou1 fuckyou123 gabriela gabriell gandalf1 garfield gateway1 giovanni godzilla goldfish google123
    gregory1 guest123 hallo123 harrypotter hawaii50 hello123 hello1234 hellokitty helloworld hercules
    holidays hollywood homework hotmail1 iloveyou iloveyou1 iloveyou12 iloveyou123 iloveyou2 inferno1
    infinity informatica internet internet1 isabella jackson1 jasmine1 jennifer jennifer1 jessica1
    jonathan jordan23 justin123 katherine kawasaki killer123 kimberly kristina lakers24 lavender lebron23
    leonardo letmein1 letmein123 liberty1 liverpool liverpool1 lorraine lovelove loveme123 loveyou1
    lucky123 macintosh madison1 magdalena manchester margarita mariposa marlboro marshall master123
    maverick mercedes metallica michael1 michelle michelle1 midnight monkey12 monkey123 montreal motorola
    mountain mustang1 myspace1 naruto123 nathaniel newpassword newyork1 nicholas nicole123 nintendo
    nothing1 november oliver123 p4ssw0rd p@55w0rd p@ssw0rd p@ssword pa55w0rd pa55word pakistan panasonic
    paradise pass1234 pass12345 passpass passw0rd passw0rd1 password password! password0 password01
    password1 password1! password10 password11 password12 password123 password123! password1234
    password12345 password2 password2025 password2026 password3 password99 passwords passwort passwort1
    patricia penelope peterpan phillips pickles1 pineapple platinum playboy1 playstation pokemon1
    pokemon123 portugal postgres precious princesa princess princess1 princess12 princess123 punisher
    q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qazwsx123 qazwsxed qazwsxedc qazxswedc qq123456 qqqqqqqq qwe12345
    qwe123456 qweasd123 qweasdzxc qweqweqwe qwer1234 qwerasdf qwerqwer qwert123 qwert12345 qwerty01
    qwerty11 qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyui qwertyuiop
    qwertyuiop123 rachelle rainbow1 rammstein rastaman realmadrid rebecca1 redskins remember ricardo1
    richard1 robert123 rockstar rockyou1 rootroot samantha samsung1 samsung123 santiago saturday savannah
    scooter1 scorpion scotland sebastian secret123 security september serenity shadow123 shannon1 sherlock
    simpsons skywalker slipknot snickers snowball snowboard soccer123 something spiderman spiderman1
    spongebob starcraft stargate starlight starwars starwars1 steelers steelers1 stephanie stillroom
    stillroom1 strawberry student1 summer123 summer2025 summer2026 sunflower sunshine sunshine1 superman
    superman1 superstar supervisor swordfish sylvester tazmania teddybear telefono temp1234 temporary
    test1234 test12345 testing1 testing123 testtest thailand thomas123 thuglife thumper1 tinkerbell
    titanic1 trinity1 trustno1 trustnoone twilight undertaker unicorns valentina valentine vanessa1
    vergessen veronica victoria victoria1 vincent1 virginia volleyball warcraft welcome01 welcome1
    welcome12 welcome123 whatever whatever1 whiskers wildcats william1 windows10 winner123 winter2025
    winter2026 wolverine xxxxxxxx yamaha123 yankees1 yugioh123 zaq12wsx zaq1xsw2 zaq1zaq1 zxc12345
    zxcv1234 zxcvbnm1 zxcvbnm123 zxcvbnmz zzzzzzzz
"""

COMMON = frozenset(_TEXT.split())
