//! Texts that are no messages, and what is said about them.

use strongroom_kmip::{
    json,
    tag::Tag,
    text::Error,
    ttlv::{Kind, Limits, Tree, Writer},
    version::V2_1,
    xml,
};

fn limits() -> Limits {
    Limits { size: 4096, depth: 4, items: 8, text: 16 }
}

#[test]
fn xml_that_is_no_message_is_refused() {
    let cases: &[(&str, &str, Error)] = &[
        ("nothing", "", Error::Syntax(0)),
        ("words", "hello", Error::Unexpected("text between items")),
        ("not closed", "<BatchItem>", Error::Syntax(11)),
        ("closed as something else", "<BatchItem></Operation>", Error::Syntax(11)),
        ("two messages", "<BatchItem/><BatchItem/>", Error::Unexpected("a second message")),
        ("words inside", "<BatchItem>hello</BatchItem>", Error::Unexpected("text between items")),
        ("character data", "<BatchItem><![CDATA[x]]></BatchItem>", Error::Unexpected("text between items")),
        ("a document type", "<!DOCTYPE x [<!ENTITY a 'b'>]><BatchItem/>", Error::Unexpected("a document type")),
        ("an entity of its own", "<Username type='TextString' value='&a;'/>", Error::Syntax(41)),
        ("an entity as text", "<BatchItem>&lt;</BatchItem>", Error::Unexpected("text between items")),
        ("an unknown name", "<Nonsense/>", Error::UnknownTag),
        ("an unknown type", "<Username type='String' value=''/>", Error::UnknownType(Tag::Username)),
        ("an unknown attribute", "<BatchItem size='1'/>", Error::Unexpected("an unknown XML attribute")),
        ("an attribute twice", "<BatchItem type='Structure' type='Structure'/>", Error::Syntax(46)),
        ("a value without one", "<Username type='TextString'/>", Error::Missing(Tag::Username)),
        ("a structure with a value", "<BatchItem value='1'/>", Error::Unexpected("a value of a Structure")),
        ("an item inside a value", "<Username type='TextString' value=''><Username/></Username>", {
            Error::Unexpected("an item inside a value")
        }),
        ("a name and a tag", "<Username tag='0x420099' type='TextString' value=''/>", {
            Error::Unexpected("a tag beside an element's own name")
        }),
        ("an integer too large", "<BatchCount type='Integer' value='2147483648'/>", {
            Error::Value(Tag::BatchCount, Kind::Integer)
        }),
        ("an unknown code", "<Operation type='Enumeration' value='Steal'/>", {
            Error::Value(Tag::Operation, Kind::Enumeration)
        }),
        ("a code of another table", "<Operation type='Enumeration' value='AES'/>", {
            Error::Value(Tag::Operation, Kind::Enumeration)
        }),
        ("an unknown bit", "<CryptographicUsageMask type='Integer' value='Encrypt Steal'/>", {
            Error::Value(Tag::CryptographicUsageMask, Kind::Integer)
        }),
        ("half a byte", "<Data type='ByteString' value='abc'/>", Error::Value(Tag::Data, Kind::ByteString)),
        ("no hexadecimal", "<Data type='ByteString' value='xy'/>", Error::Value(Tag::Data, Kind::ByteString)),
        ("a number of no bytes", "<D type='BigInteger' value=''/>", Error::Value(Tag::D, Kind::BigInteger)),
        ("a boolean of two", "<Fresh type='Boolean' value='2'/>", Error::Value(Tag::Fresh, Kind::Boolean)),
        ("no date", "<TimeStamp type='DateTime' value='today'/>", Error::Value(Tag::TimeStamp, Kind::DateTime)),
        ("a negative interval", "<Offset type='Interval' value='-1'/>", Error::Value(Tag::Offset, Kind::Interval)),
        ("a text too long", "<Username type='TextString' value='12345678901234567'/>", {
            Error::Limit("the length of a text")
        }),
        ("too deep", "<D><D><D><D><D/></D></D></D></D>", Error::Limit("nesting")),
        ("too many", "<D><D/><D/><D/><D/><D/><D/><D/><D/></D>", Error::Limit("the number of items")),
    ];
    for (name, text, expected) in cases {
        assert_eq!(xml::read(text, &limits()).err().as_ref(), Some(expected), "{name}");
    }
}

#[test]
fn json_that_is_no_message_is_refused() {
    let cases: &[(&str, &str, Error)] = &[
        ("nothing", "", Error::Syntax(0)),
        ("a list", "[]", Error::Unexpected("a JSON value that is no object")),
        ("not closed", r#"{"tag":"BatchItem""#, Error::Syntax(0)),
        ("two messages", r#"{"tag":"BatchItem"}{"tag":"BatchItem"}"#, Error::Syntax(0)),
        ("no tag", r#"{"type":"Structure"}"#, Error::Syntax(0)),
        ("a tag that is no string", r#"{"tag":1}"#, Error::Syntax(7)),
        ("a member twice", r#"{"tag":"D","tag":"D"}"#, Error::Syntax(0)),
        ("an unknown member", r#"{"tag":"D","size":1}"#, Error::Syntax(0)),
        ("an unknown name", r#"{"tag":"Nonsense"}"#, Error::UnknownTag),
        ("an unknown type", r#"{"tag":"D","type":"String"}"#, Error::UnknownType(Tag::D)),
        ("a structure of text", r#"{"tag":"D","value":"x"}"#, Error::Syntax(19)),
        ("an item that is no object", r#"{"tag":"D","value":[["tag","D"]]}"#, {
            Error::Unexpected("a JSON value that is no object")
        }),
        ("a value without one", r#"{"tag":"D","type":"Integer"}"#, Error::Missing(Tag::D)),
        ("a value of null", r#"{"tag":"D","type":"TextString","value":null}"#, Error::Missing(Tag::D)),
        ("a text that is a number", r#"{"tag":"D","type":"TextString","value":1}"#, {
            Error::Value(Tag::D, Kind::TextString)
        }),
        ("a fraction", r#"{"tag":"D","type":"Integer","value":1.5}"#, Error::Value(Tag::D, Kind::Integer)),
        ("an exponent", r#"{"tag":"D","type":"Integer","value":1e3}"#, Error::Value(Tag::D, Kind::Integer)),
        ("a boolean as a number", r#"{"tag":"D","type":"Boolean","value":1}"#, Error::Value(Tag::D, Kind::Boolean)),
        ("half a character", r#"{"tag":"D","type":"TextString","value":"\ud800"}"#, Error::Syntax(39)),
        ("too deep", &nested(5), Error::Limit("nesting")),
        ("deeper than any stack", &nested(100), Error::Limit("nesting")),
        ("too many", &format!(r#"{{"tag":"D","value":[{}]}}"#, [r#"{"tag":"D"}"#; 8].join(",")), {
            Error::Limit("the number of items")
        }),
    ];
    for (name, text, expected) in cases {
        assert_eq!(json::read(text, &limits()).err().as_ref(), Some(expected), "{name}");
    }
}

fn nested(depth: usize) -> String {
    format!("{}{}", r#"{"tag":"D","value":["#.repeat(depth), "]}".repeat(depth))
}

#[test]
fn a_text_larger_than_a_message_is_refused_before_it_is_looked_at() {
    let text = " ".repeat(4097);
    assert_eq!(xml::read(&text, &limits()).err(), Some(Error::Limit("the size of a message")));
    assert_eq!(json::read(&text, &limits()).err(), Some(Error::Limit("the size of a message")));
}

#[test]
fn xml_may_be_written_in_all_the_ways_the_standard_allows() {
    let cases = [
        ("a tag by its number", "<TTLV tag='0x420099' name='x' type='TextString' value='a'/>"),
        ("a number as a name", "<x420099 type='TextString' value='a'/>"),
        ("a namespace", "<Username xmlns='urn:oasis:tc:kmip:xmlns' type='TextString' value='a'/>"),
        ("a prefix", "<k:Username xmlns:k='urn:oasis:tc:kmip:xmlns' type='TextString' value='a'/>"),
        ("an end of its own", "<Username type='TextString' value='a'> </Username>"),
        ("words for the reader", "<?xml version='1.0'?><!-- a --><?b?><Username type='TextString' value='&#97;'/> "),
    ];
    for (name, text) in cases {
        let bytes = xml::read(text, &limits()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*bytes, [0x42, 0, 0x99, 7, 0, 0, 0, 1, b'a', 0, 0, 0, 0, 0, 0, 0], "{name}");
    }
}

#[test]
fn masks_are_names_or_numbers_or_both() {
    let cases = [
        (xml::read("<CryptographicUsageMask type='Integer' value='0x0000100c'/>", &limits()), 0x100C),
        (
            xml::read("<CryptographicUsageMask type='Integer' value='Encrypt Decrypt CertificateSign'/>", &limits()),
            0x100C,
        ),
        (xml::read("<CryptographicUsageMask type='Integer' value='CertificateSign 0x4 0x8'/>", &limits()), 0x100C),
        (json::read(r#"{"tag":"CryptographicUsageMask","type":"Integer","value":"Encrypt|Decrypt"}"#, &limits()), 0xC),
        (json::read(r#"{"tag":"CryptographicUsageMask","type":"Integer","value":12}"#, &limits()), 0xC),
    ];
    for (bytes, expected) in cases {
        let bytes = bytes.unwrap();
        assert_eq!(Tree::read(&bytes, &limits()).unwrap().root().integer(), Ok(expected));
    }
}

#[test]
fn a_text_that_xml_cannot_carry_is_an_error_and_not_another_text() {
    let mut to = Writer::new(V2_1);
    to.text(Tag::Username, "a\0b");
    let tree = Tree::read(to.as_bytes(), &limits()).unwrap();
    assert_eq!(xml::write(tree.root()).err(), Some(Error::Value(Tag::Username, Kind::TextString)));
    assert!(json::write(tree.root()).is_ok());
}
