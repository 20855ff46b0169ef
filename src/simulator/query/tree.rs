//! Trees (Customer Group, Territory): which nodes a condition such as `descendants of` means.
//!
//! Invariant: as in Frappe (`db_query.py`), a condition on a tree becomes one on the names of its nodes; a node that does
//! not exist has nobody above or below it. Frappe keeps nested sets (`lft`, `rgt`); here each node knows its parent, which
//! says the same.

use crate::simulator::collation::fold;
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::standard;
use crate::simulator::site::Site;

/// The doctypes that are trees, and the field that names a node's parent.
pub(in crate::simulator) const TREES: [(&str, &str); 2] =
    [("Customer Group", "parent_customer_group"), ("Territory", "parent_territory")];

/// The nodes that a condition means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nodes {
    /// Folded names.
    pub(super) names: Vec<String>,
    /// Whether everything but them is wanted.
    pub(super) negated: bool,
}

/// The nodes of that tree that `operator` means; `None` for an operator that is not about trees.
///
/// # Errors
/// A doctype that is no tree, as the database refuses its missing column.
pub(super) fn nodes(site: &Site, doctype: &str, operator: &str, of: &str) -> Result<Option<Nodes>, Refusal> {
    let operator = operator.to_lowercase();
    let (negated, relation) = operator.strip_prefix("not ").map_or((false, operator.as_str()), |rest| (true, rest));
    if !matches!((negated, relation), (_, "ancestors of" | "descendants of") | (false, "descendants of (inclusive)")) {
        return Ok(None);
    }
    let tree = Tree::of(site, doctype).ok_or_else(|| Refusal::bad_field("lft"))?;
    let of = fold(of);
    let mut names = match relation {
        "ancestors of" => tree.above(&of),
        _ => tree.below(&of),
    };
    if relation.ends_with("(inclusive)") && tree.has(&of) {
        names.push(of);
    }
    // Frappe asks for the empty name where there is no node.
    if names.is_empty() {
        names.push(String::new());
    }
    Ok(Some(Nodes { names, negated }))
}

/// Folded names of nodes, each with that of its parent.
struct Tree(Vec<(String, String)>);

impl Tree {
    fn of(site: &Site, doctype: &str) -> Option<Self> {
        let (_, parent) = TREES.into_iter().find(|(tree, _)| *tree == doctype)?;
        let parent = site.schemas.get(doctype)?.index(parent)?;
        let table = site.table(doctype)?;
        let text = |cell: Option<&str>| fold(cell.unwrap_or_default());
        Some(Self(table.iter().map(|(_, node)| (text(node.text(standard::NAME)), text(node.text(parent)))).collect()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(node, _)| node == name)
    }

    fn above(&self, name: &str) -> Vec<String> {
        let parent_of = |name: &str| self.0.iter().find(|(node, _)| node == name).map(|(_, parent)| parent.clone());
        std::iter::successors(parent_of(name), |above| parent_of(above)).filter(|above| !above.is_empty()).collect()
    }

    fn below(&self, name: &str) -> Vec<String> {
        let children = self.0.iter().filter(|(_, parent)| parent == name && self.has(name));
        children.flat_map(|(node, _)| std::iter::once(node.clone()).chain(self.below(node))).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::simulator::naming::Naming;

    fn site() -> Site {
        let mut site = Site::new("UTC", TimeZone::UTC, Naming::CustomerName, 1);
        site.add_masters();
        for (name, parent) in [("Retail", "All Customer Groups"), ("Shops", "Retail"), ("Kiosks", "Shops")] {
            let group = json!({"name": name, "parent_customer_group": parent});
            site.store("Customer Group", group.as_object().unwrap());
        }
        site
    }

    fn names(operator: &str, of: &str) -> (bool, Vec<String>) {
        let mut nodes = nodes(&site(), "Customer Group", operator, of).unwrap().unwrap();
        nodes.names.sort();
        (nodes.negated, nodes.names)
    }

    #[test]
    fn nodes_above_and_below_are_found() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(names("descendants of", "retail"), (false, list(&["kiosks", "shops"])));
        assert_eq!(names("Descendants Of (Inclusive)", "Retail"), (false, list(&["kiosks", "retail", "shops"])));
        assert_eq!(names("not descendants of", "Shops"), (true, list(&["kiosks"])));
        assert_eq!(names("ancestors of", "Shops"), (false, list(&["all customer groups", "retail"])));
        assert_eq!(names("not ancestors of", "Retail"), (true, list(&["all customer groups"])));
    }

    #[test]
    fn nobody_is_above_or_below_what_does_not_exist() {
        for operator in ["descendants of", "descendants of (inclusive)", "ancestors of"] {
            assert_eq!(names(operator, "Retial"), (false, vec![String::new()]), "{operator}");
        }
        assert_eq!(names("descendants of", ""), (false, vec![String::new()]), "nothing lies below no name");
    }

    #[test]
    fn other_operators_and_other_doctypes_are_not_about_trees() {
        assert_eq!(nodes(&site(), "Customer Group", "not in", "Retail").unwrap(), None);
        assert_eq!(nodes(&site(), "Customer Group", "not descendants of (inclusive)", "Retail").unwrap(), None);
        assert!(nodes(&site(), "Currency", "descendants of", "EUR").is_err());
    }
}
