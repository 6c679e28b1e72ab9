//! Parameters looked up in a store in memory.

use mlp_aws::ssm::parameters::Lookups;
use mlp_aws::ssm::parameters::{ErrorKind, look_up, read};
use mlp_testkit::memory::run;
use mlp_testkit::memory_parameters::MemoryParameters;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("/vpc/{index:02}")).collect()
}

fn filled(count: usize) -> MemoryParameters {
    names(count).iter().fold(MemoryParameters::default(), |store, name| store.with(name, "vpc-0a1b2c3d"))
}

fn sizes(store: &MemoryParameters) -> Vec<usize> {
    store.calls().iter().map(Vec::len).collect()
}

fn readable(found: &Lookups) -> usize {
    found.values().filter(|value| value.is_ok()).count()
}

fn why<'a>(found: &'a Lookups, name: &str) -> &'a str {
    found[name].as_ref().err().map_or("it was found", String::as_str)
}

#[test]
fn nothing_to_look_up_is_no_call() {
    let store = MemoryParameters::default();
    assert!(run(look_up(&store, &[])).is_empty());
    assert!(store.calls().is_empty());
}

#[test]
fn calls_take_ten_names_each() {
    for (count, calls) in [(1, vec![1]), (10, vec![10]), (11, vec![10, 1]), (23, vec![10, 10, 3])] {
        let store = filled(count);
        let found = run(look_up(&store, &names(count)));
        assert_eq!((readable(&found), sizes(&store)), (count, calls));
    }
}

#[test]
fn what_does_not_exist_is_told_and_the_others_are_found() {
    let found = run(look_up(&filled(3), &names(4)));
    assert_eq!(readable(&found), 3);
    assert_eq!(why(&found, "/vpc/03"), "there is none in this account and region");
}

#[test]
fn a_secure_string_is_not_taken_for_a_value() {
    let store = filled(1).with_secure("/vpc/00");
    assert!(why(&run(look_up(&store, &names(1))), "/vpc/00").starts_with("it is a `SecureString`"));
}

#[test]
fn one_denied_name_does_not_hide_the_others() {
    let store = filled(12).denying("/vpc/04");
    let found = run(look_up(&store, &names(12)));
    assert_eq!((readable(&found), found.len()), (11, 12));
    assert_eq!(
        why(&found, "/vpc/04"),
        "the function that looks it up needs the permission `ssm:GetParameters` on it (AccessDeniedException, HTTP 400)"
    );
    let one_by_one = [1; 10];
    assert_eq!(sizes(&store), [&[10][..], &one_by_one, &[2]].concat());
}

#[test]
fn throttling_ends_the_questions_and_every_name_has_its_reason() {
    let store = filled(23).throttling_after(1);
    let found = run(look_up(&store, &names(23)));
    assert_eq!((readable(&found), found.len()), (10, 23));
    assert!(why(&found, "/vpc/22").contains("try again (ThrottlingException"), "{found:?}");
    assert_eq!(sizes(&store), [10, 10]);
}

#[test]
fn what_is_missing_is_told_and_what_could_not_be_asked_is_an_error() {
    let found = run(read(&filled(3), &names(4))).unwrap();
    assert_eq!((readable(&found), why(&found, "/vpc/03")), (3, "there is none in this account and region"));
    for (store, kind) in [
        (filled(23).throttling_after(1), ErrorKind::Throttled),
        (filled(12).denying("/vpc/04"), ErrorKind::Denied),
    ] {
        assert_eq!(run(read(&store, &names(23))).unwrap_err().kind, kind);
    }
}
