//! Which crate and which module may use which: the tables of `docs/architecture.md`, held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;

type Uses = BTreeMap<String, BTreeSet<String>>;

/// The first and the last column of every row of a table whose first cell is code that begins with `prefix`, without it.
fn table(heading: &str, prefix: &str) -> Uses {
    let page = fs::read_to_string(paths::at("docs/architecture.md")).unwrap();
    let section = page.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let code =
        |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = section.lines().filter(|line| line.starts_with(&format!("| `{prefix}")));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let row = code(cells[0])[0].strip_prefix(prefix).unwrap().to_owned();
        (row, code(cells[cells.len() - 1]).into_iter().collect())
    })
    .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect()
}

/// A source without comments and without the tests at its end.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// Every path of a use tree behind `base`, and what is left of the text.
fn tree<'t>(mut text: &'t str, base: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut path = base.to_vec();
    loop {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        if end > 0 {
            path.push(text[..end].to_owned());
            text = &text[end..];
            if let Some(rest) = text.strip_prefix("::") {
                text = rest;
                continue;
            }
        } else if let Some(mut rest) = text.strip_prefix('{') {
            loop {
                rest = rest.trim_start_matches([' ', '\n', ',']);
                if rest.is_empty() || rest.starts_with('}') {
                    return rest.get(1..).unwrap_or_default();
                }
                rest = tree(rest, &path, found);
                rest = rest.trim_start_matches(|c: char| c != ',' && c != '}');
            }
        }
        found.push(path);
        return text;
    }
}

/// What a module names of its own crate, by paths from the root.
fn named(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || "_:$".contains(before) {
                continue;
            }
            let (mut rest, mut base) = (&code[at..], module.to_vec());
            while let Some(up) = rest.strip_prefix("super::") {
                rest = up;
                base.pop();
            }
            if let Some(below) = rest.strip_prefix("crate::") {
                (rest, base) = (below, Vec::new());
            }
            tree(rest, &base, &mut found);
        }
    }
    found
}

/// The row that a path belongs to: the longest that it begins with.
fn row<'r>(path: &[String], rows: &'r Uses) -> Option<&'r str> {
    let is_of = |row: &&String| {
        let parts = row.trim_end_matches(".rs").split('/');
        parts.clone().count() <= path.len() && parts.zip(path).all(|(part, it)| part == it)
    };
    rows.keys().filter(is_of).max_by_key(|row| row.split('/').count()).map(String::as_str)
}

#[test]
fn modules_use_what_the_table_says_and_nothing_else() {
    for name in ["template", "product", "operations", "aws"] {
        let rows = table("## Modules", &format!("shared/{name}/src/"));
        let mut found: Uses = rows.keys().map(|row| (row.clone(), BTreeSet::new())).collect();
        let folder = paths::at(&format!("shared/{name}/src"));
        for file in sources(&folder) {
            let path = file.strip_prefix(&folder).unwrap().with_extension("");
            let mut module: Vec<String> = path.iter().map(|it| it.to_str().unwrap().to_owned()).collect();
            if module == ["lib"] {
                continue;
            }
            module.pop_if(|last| last == "mod");
            let Some(own) = row(&module, &rows) else {
                let holds_rows = rows.keys().any(|row| row.starts_with(&format!("{}/", module.join("/"))));
                assert!(holds_rows, "docs/architecture.md has no row for {}", file.display());
                continue;
            };
            let paths = named(&code_of(&file), &module);
            let uses = paths.iter().filter_map(|path| row(path, &rows)).filter(|it| *it != own);
            found.get_mut(own).unwrap().extend(uses.map(str::to_owned));
        }
        for (row, uses) in &found {
            assert_eq!(
                &rows[row], uses,
                "shared/{name}/src/{row}: left is what docs/architecture.md allows, right is what it uses"
            );
        }
        let mut left = found;
        while let Some(free) = left
            .iter()
            .find(|(_, uses)| uses.iter().all(|it| !left.contains_key(it)))
            .map(|(row, _)| row.clone())
        {
            left.remove(&free);
        }
        assert!(left.is_empty(), "these of shared/{name} use each other in a cycle: {:?}", left.keys());
    }
}

#[test]
fn crates_depend_on_what_the_table_says_and_testkit_is_never_shipped() {
    for (row, allowed) in table("## Crates", "") {
        let folders = match row.strip_suffix("/*") {
            Some(parent) => fs::read_dir(paths::at(parent)).unwrap().map(|it| it.unwrap().path()).collect(),
            None => vec![paths::at(&row)],
        };
        for folder in folders {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
            let ours = section.lines().filter_map(|line| line.strip_prefix("mlp-"));
            let ours = ours.map(|line| line.split(['.', ' ']).next().unwrap().to_owned());
            for used in ours {
                assert!(
                    allowed.contains(&used),
                    "{}: docs/architecture.md allows no {used}",
                    folder.display()
                );
                assert_ne!(used, "testkit", "{}: only tests may use it", folder.display());
            }
        }
    }
}

#[test]
fn trees_of_paths_are_read_to_their_leafs() {
    let code = "use crate::{a::{self, B as C}, d};\nuse super::super::e::F;\nlet g = crate::h::i(x);\n";
    let module = ["x", "y", "z"].map(str::to_owned);
    let found: Vec<String> = named(code, &module).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::self", "a::B", "d", "h::i", "x::e::F"]);
}
