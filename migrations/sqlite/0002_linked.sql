-- Public: what belongs to a customer, and what happened to it.
CREATE TABLE customer_addresses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    erpnext_id TEXT NOT NULL,
    title TEXT,
    address_type TEXT,
    line1 TEXT,
    line2 TEXT,
    city TEXT,
    county TEXT,
    state TEXT,
    postal_code TEXT,
    country TEXT,
    phone TEXT,
    email TEXT,
    is_primary BOOLEAN NOT NULL DEFAULT 0,
    is_shipping BOOLEAN NOT NULL DEFAULT 0,
    disabled BOOLEAN NOT NULL DEFAULT 0,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX customer_addresses_of_customer ON customer_addresses (customer_id, erpnext_id);
CREATE INDEX customer_addresses_erpnext_id ON customer_addresses (erpnext_id);

CREATE TABLE customer_contacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    erpnext_id TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    full_name TEXT,
    designation TEXT,
    email TEXT,
    phone TEXT,
    mobile TEXT,
    emails TEXT NOT NULL DEFAULT '[]',
    phones TEXT NOT NULL DEFAULT '[]',
    is_primary BOOLEAN NOT NULL DEFAULT 0,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX customer_contacts_of_customer ON customer_contacts (customer_id, erpnext_id);
CREATE INDEX customer_contacts_erpnext_id ON customer_contacts (erpnext_id);

-- `seq` grows in the order of commits. Not tied to `customers`, so that history outlives a row.
CREATE TABLE customer_changes (
    seq INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    delivery_id TEXT,
    changed_at DATETIME NOT NULL,
    changes TEXT NOT NULL
);
CREATE INDEX customer_changes_of_customer ON customer_changes (customer_id, seq);
