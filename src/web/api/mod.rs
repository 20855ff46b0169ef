//! The JSON API, one file per resource. Every handler first asks `auth` for the role that it needs.

mod customers;

use actix_web::web::{self, ServiceConfig};

use super::error::only;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/customers").route(web::get().to(customers::list)).default_service(only("GET")))
        .service(web::resource("/customers/{id}").route(web::get().to(customers::show)).default_service(only("GET")))
        .service(
            web::resource("/customers/{id}/sync").route(web::post().to(customers::sync)).default_service(only("POST")),
        );
}
