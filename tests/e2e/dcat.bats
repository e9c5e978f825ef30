# A listing for other catalogues: what `listing show --dcat` prints of a real one, read by a JSON-LD processor.
load market.bash

# at [PATH]: what the document in $T/dcat.json says there, by dcat.mjs; fails when the document is not sound.
at() {
    local line
    line=$(timeout 60 node tests/e2e/dcat.mjs "$T/dcat.json" "$@") && printf '%s' "${line#"${1:-}: "}"
}

show() {
    timeout 60 env XDG_CONFIG_HOME="$T/buyer/config" XDG_STATE_HOME="$T/buyer/state" "$BIN/tidemark" \
        listing show "$1" --dcat >"$T/dcat.json"
}

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    printf '仅供研究。\nFor "research" only.\n' >"$T/terms.txt"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --summary "Who has which block." \
        --category hardware --keyword oui --keyword network --media-type text/csv --rows 7 --place 中国 \
        --update-cycle daily --terms "$T/terms.txt" --rights "$T/right.txt" --purposes "research teaching" \
        --jurisdictions CN --no-wait --yes
    FIRST=$(approve_next reviewer)
    as vendor order ask "$FIRST" --price 99.50 --quantity unlimited --yes
    as vendor sell "$T/data.csv" -o "$T/second.tide" --title "Address blocks, a revision" --price 99.00 \
        --rights "$T/right.txt" --revises "$FIRST" --no-wait --yes
    SECOND=$(approve_next reviewer)
    VENDOR=$(party vendor)
    MARKET_ID=${URL#*market=}
    SELF=urn:tidemark:market:${MARKET_ID%%&*}:listing
    export T MARKET URL BROKER BIN FIRST SECOND VENDOR SELF
}

teardown_file() {
    market_stop
}

@test "it is one document with nothing to load, nothing dropped, and only terms and values that exist" {
    show "$FIRST"
    at
    [ "$(as buyer listing show "$FIRST" --dcat --json | wc -l)" = 1 ]
    [ "$(as buyer listing show "$FIRST" --dcat --json | json @id)" = "$SELF:$FIRST" ]
}

@test "the reader does fail: on a context to load, a dropped property, a misspelt term, a bad date" {
    show "$FIRST"
    for change in 's|"@context": {|"@context": ["https://www.w3.org/ns/odrl.jsonld", {|; 0,/^  },/s|^  },|  }],|' \
        's|"dct:title"|"title"|' 's|"dcat:keyword"|"dcat:keywords"|' 's|"dct:issued": "2|"dct:issued": "x2|'; do
        sed "$change" "$T/dcat.json" >"$T/changed.json"
        [ "$(sha256sum <"$T/changed.json")" != "$(sha256sum <"$T/dcat.json")" ]
        run timeout 60 node tests/e2e/dcat.mjs "$T/changed.json"
        [ "$status" -eq 1 ]
        [[ $output == "dcat.mjs: "* ]] # its own judgement, no accident
    done
}

@test "DCAT: what it is, whose, when, where, how often, how large" {
    show "$FIRST"
    [ "$(at rdf:type)" = dcat:Dataset ]
    [ "$(at dct:title)" = '"Address blocks"' ]
    [ "$(at dct:description)" = '"Who has which block."' ]
    [ "$(at dcat:keyword)" = '"network" | "oui"' ]
    [ "$(at "dcat:theme skos:prefLabel")" = '"hardware"' ]
    [ "$(at dct:publisher)" = "<urn:tidemark:party:$VENDOR>" ]
    [ "$(at "dct:publisher foaf:name")" = '"vendor"' ]
    [[ $(at dct:issued) == "\"$(date -u +%Y)-"*'Z"^^xsd:dateTime' ]]
    [ "$(at "dct:spatial rdfs:label")" = '"中国"' ]
    [ "$(at dct:accrualPeriodicity)" = freq:DAILY ]
    [ "$(at "dcat:distribution dcat:mediaType")" = media:text/csv ]
    [ "$(at "dcat:distribution dcat:byteSize")" = '"100000"^^xsd:nonNegativeInteger' ]
    [ "$(at "dcat:distribution dcat:accessURL")" = "<$URL>" ]
    [ "$(at tide:rows)" = '"7"^^xsd:integer' ]
    root=$(as buyer listing show "$FIRST" --json | json published 0 content_root)
    [ "$(at "dcat:distribution tide:contentRoot")" = "\"$root\"^^xsd:hexBinary" ]
    [ "$(at tide:rightOperating)" = "\"$(sha256sum <"$T/right.txt" | cut -d' ' -f1)\"^^xsd:hexBinary" ]
}

@test "the terms are there as text, with the hash that a bid accepts" {
    show "$FIRST"
    [ "$(at "dct:rights dct:description")" = '"仅供研究。\nFor \"research\" only.\n"' ]
    [ "$(at "dct:rights spdx:checksum spdx:algorithm")" = spdx:checksumAlgorithm_sha256 ]
    [ "$(at "dct:rights spdx:checksum spdx:checksumValue")" = \
        "\"$(sha256sum <"$T/terms.txt" | cut -d' ' -f1)\"^^xsd:hexBinary" ]
}

@test "ODRL: an offer to use it, for these purposes, there, for the best ask" {
    show "$FIRST"
    [ "$(at "odrl:hasPolicy rdf:type")" = odrl:Offer ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:action")" = odrl:use ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:target")" = "<$SELF:$FIRST>" ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:assigner")" = "<urn:tidemark:party:$VENDOR>" ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:constraint odrl:leftOperand")" = "odrl:purpose | odrl:spatial" ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:constraint odrl:rightOperand")" = \
        '"CN"^^dct:ISO3166 | "research" | "teaching"' ]
    duty="odrl:hasPolicy odrl:permission odrl:duty odrl:action"
    [ "$(at "$duty rdf:value")" = odrl:compensate ]
    [ "$(at "$duty odrl:refinement odrl:leftOperand")" = odrl:payAmount ]
    [ "$(at "$duty odrl:refinement odrl:rightOperand")" = '"99.50"^^xsd:decimal' ]
    [ "$(at "$duty odrl:refinement odrl:unit")" = currency:CNY ]
}

@test "a revision names its previous version; what is not said is not there; without an ask there is no amount" {
    show "$SECOND"
    [ "$(at dcat:previousVersion)" = "<$SELF:$FIRST>" ]
    [ -z "$(at dct:description)$(at dcat:keyword)$(at dcat:theme)$(at dct:spatial)$(at dct:temporal)$(at dct:rights)" ]
    [ -z "$(at "odrl:hasPolicy odrl:permission odrl:constraint")" ]
    [ "$(at "odrl:hasPolicy odrl:permission odrl:duty odrl:action rdf:value")" = odrl:compensate ]
    [ -z "$(at "odrl:hasPolicy odrl:permission odrl:duty odrl:action odrl:refinement")" ]
}

@test "a closed listing keeps its terms, and nobody offers it" {
    as vendor listing close "$SECOND"
    show "$SECOND"
    [ "$(at "odrl:hasPolicy rdf:type")" = odrl:Set ]
    [ "$(at tide:state)" = '"closed"' ]
}
