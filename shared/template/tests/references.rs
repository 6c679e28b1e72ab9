//! What names what in a template, and how names are changed.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use mlp_template::template::references::{self, Owner, Reference, is_pattern, pattern_matches};
use mlp_template::template::{Path, Template, Value, read};

fn template(text: &str) -> Template {
    mlp_template::check::text(text.as_bytes()).1.unwrap()
}

fn all(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    template.references(&mut |owner, reference, path| {
        found.push(format!("{owner:?} {} {path}", shown(reference)));
    });
    found
}

fn shown(reference: Reference<'_>) -> String {
    match reference {
        Reference::Name { name, sub } => format!("{}{name}", if sub { "$" } else { "" }),
        Reference::Attribute { name, attribute, sub } => {
            format!("{}{name}.{}", if sub { "$" } else { "" }, attribute.unwrap_or("*"))
        }
        Reference::Condition(name) => format!("if {name}"),
        Reference::DependsOn(name) => format!("after {name}"),
        Reference::Mapping(name, argument) => format!("map {name} of {}", argument.len()),
    }
}

#[test]
fn every_kind_of_reference_is_found_with_its_owner_and_place() {
    let template = template(
        "
Transform: {Name: Own, Parameters: {A: !Ref P}}
Globals: {Function: {Role: !GetAtt R.Arn}}
Rules:
  Rule: {Assertions: [{Assert: {Fn::EachMemberIn: [{Fn::ValueOf: [P, Tags.a]}, [a]]}}]}
Conditions:
  C: !And [!Condition D, !Equals [!Ref P, x]]
Resources:
  R:
    Type: A::B::C
    Condition: C
    DependsOn: [S, T]
    UpdatePolicy: {A: !Ref P}
    Metadata: {A: !Ref P}
    Properties:
      A: !If [C, !Sub '${S} ${S.Arn} ${!no}', !FindInMap [M, a, b]]
      B: !Sub ['${P} ${V} ${V.W} ${W.X}', {V: !Ref S, V.W: a}]
      C: !GetAtt [S, !Ref P]
Outputs:
  O: {Condition: C, Value: !Ref R, Export: {Name: !Sub '${P}'}}
",
    );
    assert_eq!(
        all(&template),
        [
            r#"Other("Transform") P /Transform/Parameters/A"#,
            r#"Rule("Rule") P /Rules/Rule/Assertions/0/Assert/Fn::EachMemberIn/0"#,
            r#"Condition("C") if D /Conditions/C/Fn::And/0"#,
            r#"Condition("C") P /Conditions/C/Fn::And/1/Fn::Equals/0"#,
            r#"Other("Globals") R.Arn /Globals/Function/Role"#,
            r#"Resource("R") P /Resources/R/UpdatePolicy/A"#,
            r#"Resource("R") P /Resources/R/Metadata/A"#,
            r#"Resource("R") if C /Resources/R/Properties/A"#,
            r#"Resource("R") $S /Resources/R/Properties/A/Fn::If/1"#,
            r#"Resource("R") $S.Arn /Resources/R/Properties/A/Fn::If/1"#,
            r#"Resource("R") map M of 3 /Resources/R/Properties/A/Fn::If/2"#,
            r#"Resource("R") $P /Resources/R/Properties/B"#,
            r#"Resource("R") $W.X /Resources/R/Properties/B"#,
            r#"Resource("R") S /Resources/R/Properties/B/Fn::Sub/1/V"#,
            r#"Resource("R") S.* /Resources/R/Properties/C"#,
            r#"Resource("R") P /Resources/R/Properties/C/Fn::GetAtt/1"#,
            r#"Output("O") R /Outputs/O/Value"#,
            r#"Output("O") $P /Outputs/O/Export/Name"#,
            r#"Resource("R") if C /Resources/R/Condition"#,
            r#"Resource("R") after S /Resources/R/DependsOn/0"#,
            r#"Resource("R") after T /Resources/R/DependsOn/1"#,
            r#"Output("O") if C /Outputs/O/Condition"#,
        ]
    );
}

#[test]
fn the_variable_of_a_loop_is_no_reference_inside_of_it() {
    let template = template(
        "
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Loop:
    - X
    - [!Ref Name]
    - T${X}:
        Type: A::B::C
        Condition: C
        DependsOn: [A, 'B${X}']
        Properties: {A: !Ref X, B: !Sub '${X} ${Y}', Fn::ForEach::Inner: [Y, !Ref X, {'K${Y}': !Ref Y, L: !Ref Z}]}
  After: {Type: A::B::C, Properties: {A: !Ref X}}
",
    );
    let found: Vec<String> =
        all(&template).iter().map(|line| line.replace("Fn::ForEach::Loop", "Loop")).collect();
    assert_eq!(
        found,
        [
            r"Expansion(Resources) if C /Resources/Loop/2/T${X}/Condition",
            r"Expansion(Resources) after A /Resources/Loop/2/T${X}/DependsOn/0",
            r"Expansion(Resources) after B${X} /Resources/Loop/2/T${X}/DependsOn/1",
            r"Expansion(Resources) Name /Resources/Loop/1/0",
            r"Expansion(Resources) $Y /Resources/Loop/2/T${X}/Properties/B",
            r"Expansion(Resources) Z /Resources/Loop/2/T${X}/Properties/Fn::ForEach::Inner/2/L",
            r#"Resource("After") X /Resources/After/Properties/A"#,
        ]
    );
}

#[test]
fn the_templates_own_metadata_names_nothing() {
    let template = template("Metadata: {A: !Ref Nothing}\nResources: {R: {Type: A::B::C}}\n");
    assert!(all(&template).is_empty());
}

#[test]
fn a_loops_pattern_matches_what_it_can_become() {
    for (pattern, name, matches) in [
        ("Topic", "Topic", true),
        ("Topic", "Topics", false),
        ("${X}", "Anything", true),
        ("Topic${X}", "TopicEu", true),
        ("Topic${X}", "QueueEu", false),
        ("Topic${X}Policy", "TopicEuPolicy", true),
        ("Topic${X}Policy", "TopicEu", false),
        ("${X}Of${Y}End", "AOfBEnd", true),
        ("${X}Of${Y}End", "AOfB", false),
        ("&{X}Topic", "EuTopic", true),
        ("Topic${X", "Topic${X", true),
    ] {
        assert_eq!(pattern_matches(pattern, name), matches, "{pattern} {name}");
    }
    assert!(is_pattern("A${B}") && is_pattern("A&{B}") && !is_pattern("A"));
}

fn rewritten(text: &str) -> serde_json::Value {
    let document =
        mlp_template::yaml::load(text.as_bytes(), &mlp_template::yaml::Limits::template()).unwrap();
    let mut value = Value::from_node(&document.root);
    references::rewrite(&mut value, &mut |reference| match reference {
        Reference::Name { name: "Text", .. } => Some(Value::str("costs ${5}")),
        Reference::Name { name: "Fraud", .. } => Some(Value::reference("FraudGroup")),
        Reference::Attribute { name: "Fraud", attribute: Some("Arn"), .. } => {
            Some(Value::GetAtt("FraudGroup".into(), "ModelPackageGroupArn".into()))
        }
        Reference::Attribute { name: "Fraud", attribute: Some("Url"), .. } => {
            Some(Value::join("", Value::list([Value::str("https://")])))
        }
        _ => None,
    });
    value.to_json()
}

#[test]
fn references_are_changed_wherever_they_stand() {
    assert_eq!(
        rewritten(
            "{A: !Ref Fraud, B: !GetAtt Fraud.Arn, C: !If [Fraud, !Ref Fraud, !Ref Other], D: !Ref Text}"
        ),
        serde_json::json!({
            "A": {"Ref": "FraudGroup"},
            "B": {"Fn::GetAtt": ["FraudGroup", "ModelPackageGroupArn"]},
            "C": {"Fn::If": ["Fraud", {"Ref": "FraudGroup"}, {"Ref": "Other"}]},
            "D": "costs ${5}",
        })
    );
}

#[test]
fn references_in_a_sub_stay_text_and_become_variables_only_where_they_must() {
    assert_eq!(
        rewritten("!Sub '${Text}: ${Fraud}/${Fraud.Arn}/${Other}/${!Fraud}'"),
        serde_json::json!({
            "Fn::Sub": "costs ${!5}: ${FraudGroup}/${FraudGroup.ModelPackageGroupArn}/${Other}/${!Fraud}"
        })
    );
    assert_eq!(
        rewritten("!Sub '${Fraud.Url}/a ${Fraud.Url}/b'"),
        serde_json::json!({
            "Fn::Sub": ["${FraudUrlValue}/a ${FraudUrlValue}/b", {"FraudUrlValue": {"Fn::Join": ["", ["https://"]]}}]
        })
    );
}

#[test]
fn a_variable_of_a_sub_hides_the_resource_of_its_name() {
    assert_eq!(
        rewritten("!Sub ['${Fraud} ${Text}', {Fraud: !Ref Fraud}]"),
        serde_json::json!({"Fn::Sub": ["${Fraud} costs ${!5}", {"Fraud": {"Ref": "FraudGroup"}}]})
    );
    // The new name is a variable already, so the reference gets a variable of its own.
    assert_eq!(
        rewritten("!Sub ['${Fraud} ${FraudGroup}', {FraudGroup: a, FraudValue: b}]"),
        serde_json::json!({"Fn::Sub": [
            "${FraudValueX} ${FraudGroup}",
            {"FraudGroup": "a", "FraudValue": "b", "FraudValueX": {"Ref": "FraudGroup"}},
        ]})
    );
}

#[test]
fn the_variable_of_a_loop_is_changed_outside_of_it_only() {
    assert_eq!(
        rewritten("{'Fn::ForEach::L': [Fraud, [!Ref Fraud], {'A${Fraud}': !Ref Fraud}], B: !Ref Fraud}"),
        serde_json::json!({
            "Fn::ForEach::L": ["Fraud", [{"Ref": "FraudGroup"}], {"A${Fraud}": {"Ref": "Fraud"}}],
            "B": {"Ref": "FraudGroup"},
        })
    );
}

#[test]
fn a_place_in_a_fragment_is_a_pointer_in_long_form() {
    let (template, _) = read::from_json(&serde_json::json!({
        "Resources": {"R": {"Type": "A::B::C", "Properties": {"a/b~c": [{"Fn::Join": ["", [{"Ref": "X"}]]}]}}}
    }));
    let mut places = Vec::new();
    template.references(&mut |owner, _, path: &Path<'_>| {
        assert_eq!(owner, Owner::Resource("R"));
        places.push((path.to_string(), path.dotted(2)));
    });
    assert_eq!(
        places,
        [(
            "/Resources/R/Properties/a~1b~0c/0/Fn::Join/1/0".to_owned(),
            "Properties.a/b~c.0.Fn::Join.1.0".to_owned()
        )]
    );
}
