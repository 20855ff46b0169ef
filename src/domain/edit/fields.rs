//! The fields of an edit as they are sent, and how OpenAPI describes them.
//!
//! Invariant: the description is made from the columns themselves, so it allows what the check takes. The fields are kept as
//! JSON until then: a person is told of all that is wrong at once, which no deserializer does.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::EXTRA;
use crate::domain::mapping::columns::{COLUMNS, Column, Target};

/// What no line may contain.
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// Fields to change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub Map<String, Value>);

/// The fields of a new customer; its `name` is among them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct NewFields(pub Map<String, Value>);

impl PartialSchema for Fields {
    fn schema() -> RefOr<Schema> {
        described().build().into()
    }
}

impl ToSchema for Fields {
    fn name() -> Cow<'static, str> {
        "CustomerChange".into()
    }
}

impl PartialSchema for NewFields {
    fn schema() -> RefOr<Schema> {
        described().required("name").build().into()
    }
}

impl ToSchema for NewFields {
    fn name() -> Cow<'static, str> {
        "NewCustomer".into()
    }
}

fn described() -> ObjectBuilder {
    let extra = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some("Custom fields under names of your choice; those that are not named stay, null removes one."))
        .additional_properties(Some(value([Type::String, Type::Number, Type::Boolean, Type::Null])));
    COLUMNS
        .iter()
        .fold(ObjectBuilder::new(), |object, column| object.property(column.name, field(column)))
        .property(EXTRA, extra)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

fn field(column: &Column) -> ObjectBuilder {
    match column.target {
        Target::Name => value([Type::String]).min_length(Some(1)).max_length(Some(255)).pattern(Some(ONE_LINE)),
        Target::Text(_, shape) => {
            let text = value([Type::String, Type::Null]).max_length(Some(shape.limit()));
            if shape.is_one_line() { text.pattern(Some(ONE_LINE)) } else { text }
        }
        Target::Decimal(_) => value([Type::Number, Type::String, Type::Null]),
        Target::Flag(_) => value([Type::Boolean]),
    }
}

fn value<const N: usize>(types: [Type; N]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter(types))
}
