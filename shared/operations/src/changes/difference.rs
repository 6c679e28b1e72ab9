//! Where two JSON values differ.

use mlp_template::pointer;
use serde_json::Value as Json;

/// A place where two values differ, and what stands there in each; `None` where nothing does.
#[derive(Debug, PartialEq)]
pub(super) struct Difference<'v> {
    /// The JSON pointer below the values.
    pub path: String,
    /// In the first.
    pub before: Option<&'v Json>,
    /// In the second.
    pub after: Option<&'v Json>,
}

/// More places than this and the values are better read as a whole.
const MAX_DIFFERENCES: usize = 40;

/// How deep values are followed. A template's own limit is lower, and recursion needs one.
const MAX_DEPTH: usize = 40;

/// The smallest places that differ; the values themselves if they are of different kinds, or differ nearly everywhere.
pub(super) fn differences<'v>(before: &'v Json, after: &'v Json) -> Vec<Difference<'v>> {
    let mut found = Vec::new();
    walk("", Some(before), Some(after), 0, &mut found);
    if found.len() > MAX_DIFFERENCES {
        return vec![Difference { path: String::new(), before: Some(before), after: Some(after) }];
    }
    found
}

fn walk<'v>(
    path: &str,
    before: Option<&'v Json>,
    after: Option<&'v Json>,
    depth: usize,
    found: &mut Vec<Difference<'v>>,
) {
    if before == after || found.len() > MAX_DIFFERENCES {
        return;
    }
    match (before, after) {
        (Some(Json::Object(old)), Some(Json::Object(new))) if depth < MAX_DEPTH => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                walk(&pointer::join(path, key), old.get(key), new.get(key), depth + 1, found);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) if depth < MAX_DEPTH => {
            // What is the same at both ends stays; one entry more at the front doesn't make all others differ.
            let pairs = old.iter().zip(new);
            let start = pairs.take_while(|(a, b)| a == b).count();
            let pairs = old.iter().skip(start).rev().zip(new.iter().skip(start).rev());
            let end = pairs.take_while(|(a, b)| a == b).count();
            let (old_end, new_end) = (old.len() - end, new.len() - end);
            for index in start..old_end.max(new_end) {
                let old = old.get(index).filter(|_| index < old_end);
                let new = new.get(index).filter(|_| index < new_end);
                walk(&pointer::join(path, &index.to_string()), old, new, depth + 1, found);
            }
        }
        _ => found.push(Difference { path: path.to_owned(), before, after }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(before: &Json, after: &Json) -> Vec<String> {
        let shown = |value: Option<&Json>| value.map_or_else(|| "nothing".to_owned(), Json::to_string);
        differences(before, after)
            .iter()
            .map(|it| format!("{}: {} -> {}", it.path, shown(it.before), shown(it.after)))
            .collect()
    }

    #[test]
    fn only_what_differs_is_named() {
        let before = json!({"a": 1, "b": {"c": [1, 2, 3], "x/y": true}, "gone": "x"});
        let after = json!({"a": 1, "b": {"c": [1, 5, 3], "x/y": false}, "new": []});
        let expected =
            ["/b/c/1: 2 -> 5", "/b/x~1y: true -> false", "/gone: \"x\" -> nothing", "/new: nothing -> []"];
        assert_eq!(places(&before, &after), expected);
        assert_eq!(places(&json!(1), &json!("1")), [": 1 -> \"1\""]);
        assert_eq!(places(&json!([]), &json!([])), [""; 0]);
    }

    #[test]
    fn one_entry_more_in_a_list_is_one_difference() {
        assert_eq!(places(&json!(["b", "c"]), &json!(["a", "b", "c"])), ["/0: nothing -> \"a\""]);
        assert_eq!(places(&json!(["a", "b", "c"]), &json!(["a", "c"])), ["/1: \"b\" -> nothing"]);
        assert_eq!(places(&json!(["a", "a"]), &json!(["a"])), ["/1: \"a\" -> nothing"]);
    }

    #[test]
    fn values_that_differ_everywhere_are_told_as_wholes() {
        let before: Json = (0..100).collect();
        let after: Json = (100..200).collect();
        assert_eq!(differences(&before, &after).len(), 1);
    }
}
