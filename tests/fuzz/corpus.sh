#!/bin/sh
# corpus.sh: writes the hand-made inputs under corpus/, beside which inputs that a fuzzer found may
# stand (found-*; they are left alone). The formats are at the top of each harness.
set -eu
cd "$(dirname "$0")/corpus"

# text PATH FORMAT: the bytes that printf makes of FORMAT
text() {
    mkdir -p "$(dirname "$1")"
    # shellcheck disable=SC2059
    printf -- "$2" >"$1"
}
# hex PATH "HEX BYTES": quoted words of printable text may stand between them
hex() {
    mkdir -p "$(dirname "$1")"
    for word in $2; do
        case $word in
        \'*\') printf '%s' "$word" | tr -d "'" ;;
        *) while [ -n "$word" ]; do
            rest=${word#??}
            # shellcheck disable=SC2059
            printf "\\$(printf '%03o' "0x${word%"$rest"}")"
            word=$rest
        done ;;
        esac
    done >"$1"
}

# ---- number, options: texts -----------------------------------------------------------------
text number/zero 0
text number/least -9223372036854775808
text number/under -9223372036854775809
text number/most 9223372036854775807
text number/over 9223372036854775808
text number/minus_zero -0
text number/zeros 007
text number/plus +1
text number/blank ' 12'
text number/minus -
text number/tail 12x
text number/empty ''

text options/size '64M\000default'
text options/large '99999999999G\000/run/user/1000'
text options/most '18446744073709551615\000a.b-c_D9'
text options/letter '16777216T\000x'
text options/mode '0640\000/tmp'
text options/mode_open '0666'
text options/address 'default\000/run/user/1000'
text options/long_address '%063d\000/%050d'
text options/bad_name 'bad/name\000relative'
text options/overflow '18014398509481984K'
text options/minus -1
text options/port '9123\000[::1]:9123'
text options/tcp '127.0.0.1:9123\000[2001:db8::1]:65535'
text options/tcp_wrong '[127.0.0.1]:9123\000::1:9123'

# ---- decode: which decoder, a body -----------------------------------------------------------
hex decode/put "00 02000000 0100 0000 'k' 'vw'"
hex decode/erase "01 0100 0000 'k'"
hex decode/cas "02 02000000 0100 0000 03000000 00000000 'k' 'old' 'ne'"
hex decode/incr "03 feffffffffffffff 0100 000000000000 'k'"
hex decode/get "04 00100000 0100 0000 'k'"
hex decode/remove "05 0700000000000000 0100 000000000000 'k'"
hex decode/swap "06 0700000000000000 0800000000000000 0100 000000000000 'k'"
hex decode/read "07 0300000000000000 00100000 0100 0000 'k'"
hex decode/all "08 00100000 00000000"
hex decode/hello "09 'STL1' 0200 0200"
hex decode/welcome "0a 00000000 0200 0400 00000004 ffff0000 00000004 00000100 0100000000000000 0000000400000000 07000000 00000000 'fuzz'"
hex decode/name "0b 'prices'"
hex decode/create "0c 0413000000000000 0000000000000000 06 00000000000000 'prices'"
hex decode/entries "0d 09000000 11000002 0100 0000 'k' 0b000000 10000002 02000000 0100 0000 'k' 'vw'"
hex decode/get_reply "0e 00000000 02000000 'vw'"
hex decode/number "0f 00000000 00000000 2a00000000000000"
hex decode/stats "10 00000000 02000000 0100000000000000 0200000000000000"
hex decode/listed "11 0100000000000000 0200000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0002 01 0000000000 't'"
hex decode/vector_reply "12 00000000 02000000 0000 0900"
hex decode/read_reply "13 00000000 02000000 0900000000000000 'abcd'"
hex decode/all_reply "14 00000000 02000000 0200000000000000 0200000000000000 0100 000000000000 'k' 'abcd' 0100000000000000 0000 000000000000 'ef'"

# ---- native: ways, pieces, then raw bytes (way 08) or {opcode, how, bytes u16, bytes...} ---------
all=d7 # every right, HELLO first, a table, verified at the end
hex native/raw "df 03 0b000000 10000002 02000000 02000000 0100 0000 'k' 'vw' 05000000 11000002 03000000 0100 0000 'k'"
hex native/raw_hello "0f 00 08000000 01000000 07000000 'STL1' 0200 0200 19000000 20000000 01000000 0413000000000000 0000000000000000 01 00000000000000 't'"
hex native/raw_vector "df 02 24000000 18000000 05000000 02000000 0b000000 10000002 02000000 0100 0000 'k' 'vw' 05000000 11000100 0100 0000 'x'"
hex native/put_get "$all 03 10030600 0102 'kvwx' 16030500 ff08 'k' 0000 11030300 0000 'k'"
hex native/insert_replace "$all 01 12030400 0100 'kv' 12030400 0100 'kw' 13030400 0100 'kx' 13030400 0100 'yx'"
hex native/cas "$all 02 10030600 0100 'kold' 14030900 0103 'koldnew' 14030900 0103 'koldnew'"
hex native/incr "$all 03 15030300 0500 'k' 15030300 0007 'k' 10030500 0100 'kxx' 15030300 0100 'k'"
hex native/incr_range "$all 03 15030300 013f 'k' 15030300 013f 'k' 1503 0300 ff38 'k' 1503 0300 ff38 'k'"
hex native/vector "$all 02 18032000 1003040100 'kv' 1103030000 'k' 1503030500 'n' 1403 07 0101 'kvvwx'"
hex native/tables "$all 03 20030400 0000 'u2' 20030400 0000 'u2' 21010200 'u2' 24010000 30010000 02010000 22030000 23030000 24010000"
bare=97 # the same without the table
hex native/lists "$bare 03 2003 0300 1800 'l' 4013 0700 0101 'kabcd' 4013 0700 0101 'kefgh' 4113 0300 6100 'k' 4213 0300 6271 'k' 4313 0300 0000 'k' 4413 0300 0000 'k' 4513 0300 01ff 'k' 4613 0200 ff08"
hex native/sets "$bare 02 2003 0300 9400 'l' 4013 0900 0101 'kabcabc' 4013 0500 0101 'kcd' 4213 0300 6164 'k' 4113 0300 7a00 'k' 4613 0200 ff08"
hex native/list_vector "$bare 03 2003 0300 1400 'l' 1803 1c00 4013 05 0101 'kab' 4113 03 6100 'k' 4213 03 7a79 'k' 4013 05 0101 'jxy'"
hex native/words "$bare 02 2003 0300 0b00 'w' 1013 1200 0808 0100000000000000 ffffffffffffff7f 1513 0a00 0200 0100000000000000 1513 0a00 0002 0100000000000000 1613 0a00 ff08 0100000000000000"
hex native/limited "$bare 03 2003 0300 0002 'm' 1013 0500 0101 'avw' 1013 0500 0101 'bvw' 1013 0500 0101 'cvw' 1113 0300 0000 'a'"
hex native/denied "54 03 10030400 0100 'kv' 22030000 31010000 16030500 ff08 'k' 0000 24010000"
hex native/nobody "50 03 02010000 16030500 ff08 'k' 0000 10030400 0100 'kv'"
hex native/before_hello "47 03 02010000"
hex native/flags "$all 03 02140000 01100800 'STL1' 0200 0200 01100800 'STL1' 0900 0900"
hex native/unknown "$all 01 7f010000 1703 0100 'x' 85010000"

# ---- map8x32, usize_kv: ways, pieces, then raw bytes (way 08) or {op, key, value} ------------------
hex map8x32/raw "8f 03 012a39050000 012a07000000 022a00000000 0103ffffffff 050000000000 032a00000000 022a00000000"
hex map8x32/transcript "87 02 012a01 012a02 012a01 022a00 01c800 0103ff 050000 032a00 022a00 000000 060000 070000"
hex map8x32/empty "87 01 050000 040000 030500 020500"
hex map8x32/many "87 7f 010101 010102 010103 010104 010105 010106 010107 010108 010109 01010a 01010b 01010c 01010d 01010e 01010f 010110 020100 050000 040000 050000"
hex map8x32/dropped "97 01 012a01 012a02 012a01 022a00 022a00 050000 012a01 050000"
hex map8x32/no_table "a7 03 012a01 022a00 032a00 040000 050000"
hex map8x32/reader "84 03 012a01 022a00 050000 030000 040000"
hex map8x32/writer "81 03 012a01 022a00 050000 032a00 040000"
hex map8x32/nobody "80 03 012a01 022a00"
hex map8x32/half "8f 03 012a39050000 012a39"
hex usize_kv/raw "8f 03 0000000000000001 0000000000000001 0000000000000002 0000000000000000 0000000000000001 0000000000000000 ffffffffffffff05 0000000000000000 0000000000000000 0000000000000007 0000000000000000"
hex usize_kv/transcript "87 02 010102 010103 010102 000100 020109 000100 020102 000100 030102 030102 030102 000100 050000 040000 000100 050000 060000"
hex usize_kv/large "87 01 01ffff 01ff80 01807f 05ffff 00ff00 03ffff 050000 090000"
hex usize_kv/many "87 7f 010101 010102 010103 010104 010105 010106 010107 010108 010109 01010a 01010b 01010c 01010d 030101 03010d 030106 000100 050000 020107 000100"
hex usize_kv/dropped "97 01 010102 010103 000100 000100 050000 010104 050000"
hex usize_kv/no_table "a7 03 000100 010102 020102 030102 040000 050000 090000"
hex usize_kv/reader "84 03 000100 010102 050000 090000 040000"
hex usize_kv/nobody "80 03 000100 010102 090000"
hex usize_kv/half "8f 03 0000000000000001 000000000000"

# ---- channel: steps, then {opcode, how, bytes u16, body...} --------------------------------------
hello="01 00 3400 00000000 0200 0400 00000004 ffff0000 00000004 00000100 0100000000000000 0000000400000000 07000000 00000000 'fuzz'"
hex channel/hello "00 $hello"
hex channel/puts "06 00 00 00 04 04 04 $hello 10 00 0400 00000000 10 10 0400 06000000 10 00 0400 09000000"
hex channel/get "01 0a $hello 16 00 0a00 00000000 02000000 'vw'"
hex channel/get_step "01 13 $hello 16 10 0a00 00000000 02000000 'vw'"
hex channel/get_short "02 02 04 $hello 16 00 0800 04000000 00100000"
hex channel/incr "03 01 04 08 $hello 15 00 1000 00000000 00000000 2a00000000000000 15 00 1000 00000000 00000000 2b00000000000000"
hex channel/vector "02 1b 04 $hello 18 00 0c00 00000000 02000000 0000 0900"
hex channel/list "01 09 $hello 24 00 5900 00000000 01000000 0100000000000000 0200000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0002 01 0000000000 't'"
# steps 0b + 12 * (8 + n): a call on lists or words, n as typed() of channel_fuzz.c has it
hex channel/list_append "01 6b $hello 40 00 1000 00000000 00000000 0200000000000000"
hex channel/list_pop "01 17 $hello 43 00 1000 00000000 00000000 0700000000000000"
hex channel/list_remove "01 23 $hello 41 00 0400 01000000"
hex channel/list_read "01 2f $hello 45 00 1400 00000000 02000000 0900000000000000 'abcd'"
hex channel/list_all "01 3b $hello 46 00 2600 00000000 02000000 0100000000000000 0200000000000000 0100 000000000000 'k' 'abcde'"
hex channel/list_all_short "01 3b $hello 46 00 1000 04000000 02000000 0001000000000000"
hex channel/word_get "01 47 $hello 16 00 0a00 00000000 02000000 'vw'"
hex channel/list_submits "04 53 5f 04 04 $hello 40 00 1000 00000000 00000000 0200000000000000 42 00 0400 00000000"
hex channel/stats "01 0a $hello 30 00 1800 00000000 02000000 0100000000000000 0200000000000000"
hex channel/descriptor "01 8f $hello 01 04 3400 00000000 0200 0400 00000004 ffff0000 00000004 00000100 0100000000000000 0000000400000000 07000000 00000000 'fuzz'"
hex channel/descriptors "01 0b $hello 20 08 0400 00000000"
hex channel/large "04 f0 e6 04 04 $hello 10 00 0400 00000000 16 10 0a00 00000000 02000000 'vw'"
hex channel/refused "01 00 01 00 0400 0d000000"
hex channel/wrong_request "02 00 04 $hello 10 02 0400 00000000"
hex channel/late "03 00 04 04 $hello 10 01 0600 040000009000"

# ---- segment: {area, offset u16, count, bytes...} ------------------------------------------------
text segment/valid ''
hex segment/magic "00 0000 01 00"
hex segment/max_bytes "00 1800 08 0000400000000000"
hex segment/tables_off "00 2000 08 0010200000000000"
hex segment/capacity "00 1400 04 00000100"
hex segment/granule "00 4000 01 0b"
hex segment/committed "01 0000 08 ffffffffffffffff"
hex segment/no_memory "01 0000 08 0000000000000000"
hex segment/root "02 0000 08 f8ff0700 01000000"
hex segment/geometry "03 0000 08 ffffffff ffffffff"
hex segment/directory "03 0800 04 ffff0700 03 1000 08 0000000000000000"
hex segment/depth "04 0000 08 ff03000000000000"
hex segment/link "04 1400 04 f0ff0700"
hex segment/record "05 0000 08 ffff0000 ffffff1f"
hex segment/value_bytes "05 0400 04 ffff3f00"

# ---- cli: which, then bytes ------------------------------------------------------------------
text cli/tsv '\000key\tvalue'
text cli/tsv_escapes '\000a\\tb\\n\\r\\\\\\x00\\xfF\t\\x7f'
text cli/tsv_wrong '\000a\\q\tb\\x1'
text cli/tsv_tabs '\000a\tb\tc'
text cli/tsv_return '\000\t\r'
text cli/tsv_heading '\000\\stele\ttable\tprices\tu8->set:u16,xxh64\t17'
text cli/tsv_end '\000\\stele\tend'
text cli/tsv_anew '\006\012\065\t=1,2'
text cli/json_heading '\001{"stele":"table","name":"prices","type":"u8->f64","max_entries":17}'
text cli/json_heading_base64 '\001{"stele":"table","name_base64":"/w==","type":"u8->u8","max_entries":0}'
text cli/json_end '\001{"stele":"end"}'
text cli/json_anew '\007\013{"key":5,"value":[1,2],"new":true}'
text cli/json '\001{"key":"k","value":"v"}'
text cli/json_base64 '\001{"key_base64":"AP8=","other":[1,{"a":null}],"value":"\303\251"}'
text cli/json_escape '\001{"value":"\\u0000\\ud83d\\ude00","key":""}'
text cli/json_wrong '\001{"key":1,"value":"v"'
text cli/json_twice '\001{"key":"a","key":"b","key_base64":"AA==","value":""} x'
text cli/bytes '\002\003k\000\377\200\303\251\t\n\\'
text cli/base64 '\003QUJDRA=='
text cli/number '\00418446744073709551615'
text cli/seconds '\0040.25'
text cli/lines '\005one\n\ntwo three four\nfive'
text cli/typed_words '\006\005184467440737095516\t007'
text cli/typed_signs '\006\0061\t-9223372036854775808'
text cli/typed_real '\006\0074294967295\t-2.5e-07'
text cli/typed_list '\006\012key\t1,2,255'
text cli/typed_wrong '\006\013x\t1,,65536'
text cli/typed_struct '\006\0118\t\\x00\\xff\\n12'
text cli/typed_json '\007\013{"key":18446744073709551615,"value":[1,"65535",0]}'
text cli/typed_json_real '\007\007{"value":"nan(0x1)","key":1,"x":[{"y":[true,null,-0.5e3]}]}'
text cli/typed_json_wrong '\007\002{"key":256,"value":1.5}'
text cli/typed_json_cut '\007\015{"key":"k","value":[1,'
text cli/typed_entry '\010\014\000\001\002\003\004\005\006\007\377\377'
text cli/typed_nan '\010\007\001\000\000\000\001\000\000\000\000\000\360\177'
text cli/word_real '\011\0051.7976931348623157e308'
text cli/word_nan '\011\005-nan(0xfffffffffffff)'
text cli/word_signs '\011\004-9223372036854775809'
text cli/word_small '\011\000256'
