//! What a doctype looks like on this site: its columns and who may read them.
//!
//! Invariant: a name is in [`DoctypeMeta::columns`] exactly where list rows can have that key; layout fields and child
//! tables are not. A key that is here and missing in a row is above the key's permission level.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::errors::Error;

/// Field types without a column (`frappe.model.no_value_fields` and child tables).
const WITHOUT_COLUMN: [&str; 10] = [
    "Section Break",
    "Column Break",
    "Tab Break",
    "HTML",
    "Table",
    "Table MultiSelect",
    "Button",
    "Image",
    "Fold",
    "Heading",
];

/// The columns of one doctype, from `frappe.desk.form.load.getdoctype`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctypeMeta {
    /// Field name to permission level; 0 is what every reader may see. Custom fields are included.
    pub columns: BTreeMap<String, u8>,
}

#[derive(Deserialize)]
struct Definition {
    name: String,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    fieldname: Option<String>,
    #[serde(default)]
    fieldtype: String,
    #[serde(default)]
    permlevel: Option<u8>,
    #[serde(default)]
    is_virtual: Option<u8>,
}

impl DoctypeMeta {
    /// Finds `doctype` among the definitions (those of its child tables come with it).
    pub(super) fn read(docs: Value, doctype: &str) -> Result<Self, Error> {
        let failed = |what, source| Error::Decode { call: "doctype", what, source };
        let definitions: Vec<Definition> = serde_json::from_value(docs)
            .map_err(|source| failed("the definition has an unknown form", Some(source)))?;
        let definition = definitions
            .into_iter()
            .find(|definition| definition.name == doctype)
            .ok_or_else(|| failed("the definition is not in it", None))?;
        let has_column =
            |field: &Field| !WITHOUT_COLUMN.contains(&field.fieldtype.as_str()) && field.is_virtual.unwrap_or(0) == 0;
        let columns = definition
            .fields
            .into_iter()
            .filter(has_column)
            .filter_map(|field| Some((field.fieldname?, field.permlevel.unwrap_or(0))))
            .collect();
        Ok(Self { columns })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_with_their_levels_and_nothing_else() {
        let docs = json!([
            {"name": "Customer Credit Limit", "fields": [{"fieldname": "company", "fieldtype": "Link"}]},
            {"name": "Customer", "module": "Selling", "fields": [
                {"fieldname": "customer_name", "fieldtype": "Data", "permlevel": 0, "is_virtual": 0},
                {"fieldname": "tax_id", "fieldtype": "Data", "permlevel": 2},
                {"fieldname": "basic_info", "fieldtype": "Section Break", "permlevel": null},
                {"fieldname": "credit_limits", "fieldtype": "Table", "permlevel": 0},
                {"fieldname": "computed", "fieldtype": "Data", "is_virtual": 1},
                {"fieldname": null, "fieldtype": "Column Break"},
            ]},
        ]);
        let meta = DoctypeMeta::read(docs.clone(), "Customer").unwrap();
        assert_eq!(meta.columns, BTreeMap::from([("customer_name".to_owned(), 0), ("tax_id".to_owned(), 2)]));
        assert_eq!(DoctypeMeta::read(docs, "Address").unwrap_err().label(), "decode");
        assert_eq!(DoctypeMeta::read(json!({}), "Address").unwrap_err().label(), "decode");
    }
}
