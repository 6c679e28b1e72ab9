//! Rules and variables that name each other: Guard follows them on its stack, and a full stack ends the process.

use std::collections::HashMap;

use serde_json::Value as Json;

/// How many rules and variables may lead from one to the next.
pub(in crate::security) const LONGEST_CHAIN: usize = 32;

/// How often rules and variables may be followed in all, each time they are named.
const MOST_STEPS: u64 = 100_000;

/// A rule or variable that leads to itself, or over too many others; Guard would follow it until its stack is full.
pub(in crate::security) fn endless(tree: &Json) -> Option<String> {
    let mut graph = Graph::default();
    graph.assignments(tree, "");
    let list = |key: &str| tree.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let bare = list("parameterized_rules").iter().filter_map(|rule| rule.get("rule"));
    for rule in list("guard_rules").iter().chain(bare) {
        let name = rule.get("rule_name").and_then(Json::as_str).unwrap_or_default();
        graph.assignments(rule, name);
        let uses = uses(rule, name);
        graph.edges.entry(format!("rule {name}")).or_default().extend(uses);
    }
    let mut names: Vec<&String> = graph.edges.keys().collect();
    names.sort();
    let mut costs = HashMap::new();
    let endless = names
        .into_iter()
        .find(|name| graph.cost(name, 0, &mut costs).is_none_or(|(cost, _)| cost > MOST_STEPS));
    endless.map(|name| name.rsplit(' ').next().unwrap_or_default().to_owned())
}

/// What names what: `rule NAME`, and `var RULE NAME` (`var  NAME` outside of rules).
#[derive(Default)]
struct Graph {
    edges: HashMap<String, Vec<String>>,
}

impl Graph {
    /// The variables that are set below a node.
    fn assignments(&mut self, node: &Json, rule: &str) {
        match node {
            Json::Object(object) => {
                if let (Some(name), Some(value)) =
                    (object.get("var").and_then(Json::as_str), object.get("value"))
                {
                    let uses = uses(value, rule);
                    self.edges.entry(format!("var {rule} {name}")).or_default().extend(uses);
                }
                for (key, value) in object {
                    // Rules are looked at one by one.
                    if key != "guard_rules" && key != "parameterized_rules" {
                        self.assignments(value, rule);
                    }
                }
            }
            Json::Array(values) => values.iter().for_each(|value| self.assignments(value, rule)),
            _ => {}
        }
    }

    /// How often something is followed when this is, and how deep it leads; none for too deep.
    fn cost(
        &self,
        name: &str,
        depth: usize,
        costs: &mut HashMap<String, (u64, usize)>,
    ) -> Option<(u64, usize)> {
        if let Some(&(cost, height)) = costs.get(name) {
            return (depth + height <= LONGEST_CHAIN).then_some((cost, height));
        }
        if depth > LONGEST_CHAIN {
            return None;
        }
        let (mut cost, mut height) = (1_u64, 0);
        for next in self.edges.get(name).into_iter().flatten().filter(|next| self.edges.contains_key(*next)) {
            let (more, below) = self.cost(next, depth + 1, costs)?;
            cost = cost.saturating_add(more);
            height = height.max(below + 1);
        }
        costs.insert(name.to_owned(), (cost, height));
        Some((cost, height))
    }
}

/// What a node names: rules, and variables both of the rule and of the file.
fn uses(node: &Json, rule: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match node {
            Json::Object(object) => {
                if let Some(name) = object.get("dependent_rule").and_then(Json::as_str) {
                    found.push(format!("rule {name}"));
                }
                open.extend(object.values());
            }
            Json::Array(values) => open.extend(values),
            Json::String(text) => {
                if let Some(name) = text.strip_prefix('%') {
                    found.extend([format!("var {rule} {name}"), format!("var  {name}")]);
                }
            }
            _ => {}
        }
    }
    found.sort();
    found
}
