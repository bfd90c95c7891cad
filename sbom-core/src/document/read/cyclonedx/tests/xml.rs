//! What XML must come out as: the same as JSON.

use super::{FULL as JSON, edges, error};
use crate::{
    document::{
        model::{Document, Origin, RelationshipKind},
        read::{Read, ReadError, read},
    },
    limits::Limits,
};

/// The document that the one in JSON is.
pub(in crate::document::read) const FULL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="urn:uuid:6a0a1b7c-0000-4000-8000-000000000001" version="2">
  <metadata>
    <timestamp>2024-01-02T03:04:05Z</timestamp>
    <lifecycles><lifecycle><phase>build</phase></lifecycle></lifecycles>
    <tools><components><component type="application"><name>maker</name><version>1.0</version></component></components></tools>
    <authors><author><name>A. Author</name><email>a@example.org</email></author></authors>
    <component type="container" bom-ref="root"><name>demo</name><version>1</version></component>
    <manufacturer><name>Maker</name><url>https://example.org</url><contact><email>m@example.org</email></contact></manufacturer>
    <supplier><name>Supplier</name></supplier>
    <licenses><license><id>CC0-1.0</id></license></licenses>
    <properties><property name="a:b"> c </property></properties>
  </metadata>
  <components>
    <component type="operating-system" bom-ref="os">
      <name>debian</name><version>12.1</version><swid tagId="debian" name="debian" version="12"/>
    </component>
    <component type="library" bom-ref="bash">
      <supplier><name>Debian</name></supplier>
      <publisher>Team &lt;team@example.org&gt;</publisher>
      <name>bash</name>
      <version>5.2-1</version>
      <description><![CDATA[a shell & more]]></description>
      <hashes><hash alg="SHA-256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</hash></hashes>
      <licenses><expression acknowledgement="declared">GPL-3.0-or-later</expression></licenses>
      <copyright>&#xa9; them</copyright>
      <cpe>cpe:2.3:a:gnu:bash:5.2:*:*:*:*:*:*:*</cpe>
      <purl>pkg:deb/debian/bash@5.2-1?arch=amd64</purl>
      <pedigree><ancestors><component type="library"><name>bash</name><version>5.2</version><purl>pkg:deb/debian/bash@5.2?arch=source</purl></component></ancestors></pedigree>
      <externalReferences><reference type="website"><url>https://example.org</url><comment>home</comment>
        <hashes><hash alg="MD5">d41d8cd98f00b204e9800998ecf8427e</hash></hashes></reference></externalReferences>
      <properties><property name="x">y</property></properties>
      <components><component type="file" bom-ref="file"><name>/bin/bash</name><scope>excluded</scope></component></components>
      <evidence>
        <identity><field>purl</field><confidence>1</confidence><methods><method>
          <technique>manifest-analysis</technique><confidence>0.9</confidence><value>/var/lib/dpkg/status</value></method></methods></identity>
        <occurrences><occurrence><location>/var/lib/dpkg/status</location><line>7</line></occurrence></occurrences>
        <licenses><license acknowledgement="concluded"><name>Own</name><text content-type="text/plain">as you like</text></license></licenses>
        <copyright><text>someone</text></copyright>
      </evidence>
    </component>
  </components>
  <services><service><name>a</name></service><service><name>b</name></service></services>
  <dependencies><dependency ref="root"><dependency ref="os"/><dependency ref="bash"/></dependency><dependency ref="bash"/></dependencies>
  <compositions><composition><aggregate>complete</aggregate><assemblies><assembly ref="root"/></assemblies>
    <dependencies><dependency ref="bash"/></dependencies></composition></compositions>
</bom>
"#;

fn read_xml(version: &str, content: &str) -> Result<Read, ReadError> {
    let text = format!(
        "<?xml version=\"1.0\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/{version}\">{content}</bom>"
    );
    read(text.as_bytes(), &Limits::default())
}

fn of_content(mut document: Document) -> Document {
    document.header.origin = Origin::Content;
    document
}

#[test]
fn xml_says_the_same_as_json() {
    let json = read(JSON.as_bytes(), &Limits::default()).unwrap();
    let xml = read(FULL.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(xml.format.to_string(), "CycloneDX 1.6 XML");
    assert_eq!(xml.losses, json.losses);
    assert_eq!(xml.losses.to_string(), "services (2)");
    let (xml, json) = (of_content(xml.document), of_content(json.document));
    for (xml, json) in xml.components.iter().zip(&json.components) {
        assert_eq!(xml, json);
    }
    assert_eq!(xml, json);
    assert_eq!(xml.header.properties[0].value, " c ");
    let bash = xml.components.iter().find(|component| component.id == "bash").unwrap();
    assert_eq!(bash.source.as_ref().unwrap().version, "5.2");
    assert_eq!(bash.copyright.as_deref(), Some("\u{a9} them\nsomeone"));
    assert!(bash.concluded.expression.as_ref().unwrap().starts_with("LicenseRef-Own-"));
    assert_eq!(xml.distribution.unwrap().version_id.as_deref(), Some("12"));
}

#[test]
fn prefixes_of_namespaces_do_not_matter() {
    let prefixed = FULL.replace("</", "\u{1}").replace('<', "\u{2}");
    let prefixed = prefixed.replace("\u{2}?", "<?").replace("\u{2}!", "<!");
    let prefixed = prefixed.replace('\u{1}', "</b:").replace('\u{2}', "<b:").replace("xmlns=", "xmlns:b=");
    let plain = read(FULL.as_bytes(), &Limits::default()).unwrap();
    let prefixed = read(prefixed.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(of_content(prefixed.document), of_content(plain.document));
    assert_eq!(prefixed.losses, plain.losses);
}

#[test]
fn first_versions_know_no_references() {
    let read = read_xml("1.0", "<components><component type=\"library\"><name>a</name><version>1</version><modified>true</modified></component></components>").unwrap();
    assert_eq!(read.format.to_string(), "CycloneDX 1.0 XML");
    assert_eq!(read.document.components[0].id, "a@1");
    assert_eq!(read.losses.to_string(), "components[].modified (1)");
}

#[test]
fn tools_are_read_in_both_forms() {
    let old = read_xml(
        "1.4",
        "<metadata><tools>\n<tool><vendor>V</vendor><name>t</name></tool>\n</tools></metadata>",
    )
    .unwrap();
    assert_eq!(old.document.header.tools[0].name, "t");
    assert_eq!(old.losses.to_string(), "metadata.tools.tool[].vendor (1)");
}

#[test]
fn dependencies_may_provide() {
    let read = read_xml(
        "1.6",
        "<components><component type=\"library\" bom-ref=\"a\"><name>a</name></component>
            <component type=\"library\" bom-ref=\"b\"><name>b</name></component></components>
            <dependencies><dependency ref=\"a\"><provides ref=\"b\"/></dependency></dependencies>",
    )
    .unwrap();
    assert_eq!(edges(&read.document), [("a", "b", RelationshipKind::Provides)]);
}

#[test]
fn elements_that_are_unknown_are_counted() {
    let read = read_xml(
        "1.3",
        "<v:vulnerabilities xmlns:v=\"urn:v\"><v:vulnerability/></v:vulnerabilities>
            <vulnerabilities><vulnerability/><vulnerability>x</vulnerability></vulnerabilities>
            <services/><odd a=\"b\">text</odd>loose<components><component type=\"library\" odd=\"1\"><name>a<b/></name></component></components>",
    )
    .unwrap();
    assert_eq!(
        read.losses.to_string(),
        "components[].b (1), components[].odd (1), odd (1), text (1), v:vulnerabilities (1), vulnerabilities (2)"
    );
}

#[test]
fn errors_say_where_they_are() {
    let check = |content: &str, expected: &str| assert_eq!(error(read_xml("1.6", content)), expected);
    check(
        "<components>\n<component>",
        "CycloneDX XML, line 3, column 12: ill-formed document: expected `</component>`, but `</bom>` was found",
    );
    check("\n<metadata><x>&y;</x></metadata>", "CycloneDX XML, line 3, column 17: &y; stands for nothing");
    check("\n<metadata/><metadata/>", "CycloneDX XML, line 3, column 23: \"metadata\" stands there twice");
    check(
        "\n<metadata component=\"a\"/>",
        "CycloneDX XML, line 3, column 26: a text where a component belongs",
    );
    let document = |text: &str| error(read(text.as_bytes(), &Limits::default()));
    assert_eq!(
        document(
            "<!DOCTYPE bom [<!ENTITY a \"b\">]><bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">&a;</bom>"
        ),
        "CycloneDX XML, line 1, column 33: a document type declaration is not accepted"
    );
    assert_eq!(
        document("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"><components>"),
        "CycloneDX XML, line 1, column 62: the text ends within an element"
    );
    assert_eq!(
        document("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/><a/>"),
        "CycloneDX XML, line 1, column 55: something follows the document"
    );
    assert_eq!(
        document(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">\u{e9}</bom>"
        ),
        "CycloneDX XML, line 1, column 44: the encoding \"ISO-8859-1\" is not read; convert the file to UTF-8"
    );
}

#[test]
fn depth_is_bounded() {
    let elements = "<a>".repeat(100_000);
    assert!(error(read_xml("1.6", &elements)).contains("nested too deeply"));
    let components = "<components><component type=\"library\"><name>a</name>".repeat(100);
    assert!(error(read_xml("1.6", &components)).contains("--limit document-depth="));
}
