//! The JSON API, one file per resource. `auth` knows the caller before a handler is reached; every handler first asks it
//! for the role that it needs.

mod candidates;
mod customers;
mod full_sync;
mod jobs;
mod links;
mod paging;
mod runs;
mod schedules;

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};

use super::error::only;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(read("/customers", web::get().to(customers::list)))
        // Before the customer whose id is "sync".
        .service(act("/customers/sync", web::post().to(full_sync::sync)))
        .service(read("/customers/{id}", web::get().to(customers::show)))
        .service(act("/customers/{id}/sync", web::post().to(customers::sync)))
        .service(act("/customers/{id}/link", web::post().to(links::link)))
        .service(act("/customers/{id}/unlink", web::post().to(links::unlink)))
        .service(read("/suggestions", web::get().to(links::list)))
        .service(act("/suggestions/{id}/accept", web::post().to(links::accept)))
        .service(act("/suggestions/{id}/reject", web::post().to(links::reject)))
        .service(
            web::resource("/runs")
                .route(web::get().to(runs::list))
                .route(web::post().to(runs::start))
                .default_service(only("GET, POST")),
        )
        .service(read("/runs/{id}", web::get().to(runs::show)))
        .service(act("/runs/{id}/cancel", web::post().to(runs::cancel)))
        .service(read("/runs/{id}/candidates", web::get().to(candidates::list)))
        .service(act("/runs/{id}/approve", web::post().to(candidates::approve)))
        .service(act("/runs/{id}/discard", web::post().to(candidates::discard)))
        .service(read("/jobs", web::get().to(jobs::list)))
        .service(read("/jobs/one", web::get().to(jobs::show)))
        .service(act("/jobs/retry", web::post().to(jobs::retry)))
        .service(act("/jobs/discard", web::post().to(jobs::discard)))
        .service(read("/schedules", web::get().to(schedules::list)))
        .service(act("/schedules/{name}/pause", web::post().to(schedules::pause)))
        .service(act("/schedules/{name}/resume", web::post().to(schedules::resume)))
        .service(act("/schedules/{name}/run", web::post().to(schedules::run)));
}

/// A resource that can only be looked at.
fn read(path: &str, get: Route) -> Resource {
    web::resource(path).route(get).default_service(only("GET"))
}

/// Something that can only be done.
fn act(path: &str, post: Route) -> Resource {
    web::resource(path).route(post).default_service(only("POST"))
}
