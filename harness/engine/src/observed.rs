//! Objects as the harness keeps them: without the sets of fields that their managers own.
//!
//! Those sets are two thirds of an object's size, and no rule asks for them. That somebody manages some fields, by which
//! operation and since when, is kept. They are left out while the answer is read, so that they never take memory.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::fmt;

/// An object of any kind, without `fieldsV1` in its `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed(pub Value);

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Place::Object.deserialize(deserializer).map(Observed)
    }
}

/// Where in the object a value stands, on the way to what is left out.
#[derive(Clone, Copy)]
enum Place {
    Object,
    Metadata,
    Managers,
    Manager,
    Elsewhere,
}

impl Place {
    fn of_field(self, key: &str) -> Place {
        match (self, key) {
            (Place::Object, "metadata") => Place::Metadata,
            (Place::Metadata, "managedFields") => Place::Managers,
            _ => Place::Elsewhere,
        }
    }

    fn of_item(self) -> Place {
        match self {
            Place::Managers => Place::Manager,
            _ => Place::Elsewhere,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Place::Elsewhere => Value::deserialize(deserializer),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if matches!(self, Place::Manager) && key == "fieldsV1" {
                fields.next_value::<IgnoredAny>()?;
            } else {
                let value = fields.next_value_seed(self.of_field(&key))?;
                object.insert(key, value);
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.of_item())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn observed(text: &str) -> Value {
        serde_json::from_str::<Observed>(text).unwrap().0
    }

    #[test]
    fn field_sets_are_left_out_and_nothing_else() {
        let object = json!({
            "kind": "Pod",
            "metadata": {
                "name": "web-0",
                "managedFields": [
                    { "manager": "kubectl", "operation": "Update", "fieldsV1": { "f:spec": { "f:x": {} } } },
                    { "manager": "kubelet", "subresource": "status", "fieldsV1": {} },
                ],
            },
            "data": { "fieldsV1": "mine" },
            "spec": { "metadata": { "managedFields": [{ "fieldsV1": "kept" }] } },
        });
        let kept = json!({
            "kind": "Pod",
            "metadata": {
                "name": "web-0",
                "managedFields": [
                    { "manager": "kubectl", "operation": "Update" },
                    { "manager": "kubelet", "subresource": "status" },
                ],
            },
            "data": { "fieldsV1": "mine" },
            "spec": { "metadata": { "managedFields": [{ "fieldsV1": "kept" }] } },
        });
        assert_eq!(observed(&object.to_string()), kept);
    }

    #[test]
    fn what_is_no_object_is_taken_as_it_is() {
        for text in [
            "null",
            "true",
            "-3",
            "7",
            "1.5",
            "\"a\\nb\"",
            "[1, {\"metadata\": 2}]",
            r#"{"metadata": null}"#,
            r#"{"metadata": {"managedFields": "none"}}"#,
            r#"{"metadata": {"managedFields": [null, 1, ["x"]]}}"#,
        ] {
            let whole: Value = serde_json::from_str(text).unwrap();
            assert_eq!(observed(text), whole, "{text}");
        }
        assert!(serde_json::from_str::<Observed>(r#"{"metadata": "#).is_err());
    }
}
