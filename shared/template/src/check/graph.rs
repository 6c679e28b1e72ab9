//! Circles in a directed graph, each once.

use std::collections::{BTreeSet, HashSet, VecDeque};

/// How many circles are worth showing; whoever has more has one mistake, not twenty.
const MOST: usize = 20;

/// A graph: for every node the nodes it points at.
pub(super) type Edges = Vec<BTreeSet<usize>>;

/// Circles that together use every edge that lies on one, shortest first for each edge. Each begins with its smallest
/// node and leaves out the way back to it.
pub(super) fn circles(edges: &Edges) -> Vec<Vec<usize>> {
    let group = components(edges);
    let same = |a: usize, b: usize| group.get(a) == group.get(b);
    let mut covered: HashSet<(usize, usize)> = HashSet::new();
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (from, targets) in edges.iter().enumerate() {
        for to in targets.iter().copied().filter(|to| same(from, *to)) {
            if found.len() == MOST {
                return found;
            }
            if covered.contains(&(from, to)) {
                continue;
            }
            let circle = path(edges, to, from, &same);
            covered.extend(circle.iter().copied().zip(circle.iter().copied().cycle().skip(1)));
            let circle = from_smallest(circle);
            if !found.contains(&circle) {
                found.push(circle);
            }
        }
    }
    found
}

fn from_smallest(mut circle: Vec<usize>) -> Vec<usize> {
    let first = circle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(index, _)| index);
    circle.rotate_left(first);
    circle
}

/// The shortest way between two nodes of one strongly connected component.
fn path(edges: &Edges, from: usize, to: usize, same: &impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut before = vec![None; edges.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node == to {
            break;
        }
        for next in edges.get(node).into_iter().flatten().copied().filter(|next| same(from, *next)) {
            if next != from
                && let Some(slot @ None) = before.get_mut(next)
            {
                *slot = Some(node);
                queue.push_back(next);
            }
        }
    }
    let mut way: Vec<usize> =
        std::iter::successors(Some(to), |node| before.get(*node).copied().flatten()).collect();
    way.reverse();
    way
}

/// For every node the number of its strongly connected component (Kosaraju; without recursion, because a template may
/// chain as many resources as fit into it).
fn components(edges: &Edges) -> Vec<usize> {
    let mut backwards: Edges = vec![BTreeSet::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for to in targets {
            if let Some(sources) = backwards.get_mut(*to) {
                sources.insert(from);
            }
        }
    }
    let mut left = Vec::with_capacity(edges.len());
    let mut seen = vec![false; edges.len()];
    for node in 0..edges.len() {
        depth_first(edges, node, &mut seen, &mut |node| left.push(node));
    }
    let mut group = vec![0; edges.len()];
    let mut seen = vec![false; edges.len()];
    for node in left.into_iter().rev() {
        depth_first(&backwards, node, &mut seen, &mut |member| {
            if let Some(slot) = group.get_mut(member) {
                *slot = node;
            }
        });
    }
    group
}

/// Visits what can be reached and was not seen; `leave` gets each node after all behind it.
fn depth_first(edges: &Edges, start: usize, seen: &mut [bool], leave: &mut impl FnMut(usize)) {
    let mut enter = |node: usize| seen.get_mut(node).is_some_and(|seen| !std::mem::replace(seen, true));
    if !enter(start) {
        return;
    }
    let targets = |node: usize| edges.get(node).into_iter().flatten().copied();
    let mut stack = vec![(start, targets(start))];
    while let Some((node, rest)) = stack.last_mut() {
        if let Some(next) = rest.next() {
            if enter(next) {
                stack.push((next, targets(next)));
            }
        } else {
            leave(*node);
            stack.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> Edges {
        let mut graph = vec![BTreeSet::new(); nodes];
        for (from, to) in edges {
            graph[*from].insert(*to);
        }
        graph
    }

    #[test]
    fn a_graph_without_circles_has_none() {
        assert!(circles(&graph(4, &[(0, 1), (1, 2), (0, 2), (2, 3)])).is_empty());
    }

    #[test]
    fn a_node_that_points_at_itself_is_a_circle() {
        assert_eq!(circles(&graph(2, &[(0, 1), (1, 1)])), [vec![1]]);
    }

    #[test]
    fn every_circle_is_found_once_from_its_smallest_node() {
        let edges = [(3, 1), (1, 2), (2, 3), (0, 1), (3, 4), (5, 4), (4, 5)];
        assert_eq!(circles(&graph(6, &edges)), [vec![1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn circles_that_share_a_node_are_two() {
        assert_eq!(circles(&graph(3, &[(0, 1), (1, 0), (1, 2), (2, 1)])), [vec![0, 1], vec![1, 2]]);
    }

    #[test]
    fn a_short_cut_makes_a_second_circle() {
        assert_eq!(circles(&graph(3, &[(0, 1), (1, 2), (2, 0), (0, 2)])), [vec![0, 1, 2], vec![0, 2]]);
    }

    #[test]
    fn a_graph_where_all_point_at_all_stops_at_the_limit() {
        let all: Vec<_> = (0..60).flat_map(|from| (0..60).map(move |to| (from, to))).collect();
        assert_eq!(circles(&graph(60, &all)).len(), MOST);
    }

    #[test]
    fn a_chain_of_many_needs_no_deep_stack() {
        let chain: Vec<_> = (0..50_000).map(|node| (node, node + 1)).collect();
        assert!(circles(&graph(50_001, &chain)).is_empty());
    }
}
