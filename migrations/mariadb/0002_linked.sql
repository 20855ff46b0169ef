-- Public: what belongs to a customer, and what happened to it. `{customer_id}` is the type of `customers.id`
-- (an adopted table may have INT or BIGINT UNSIGNED, and a foreign key needs the very same).
CREATE TABLE IF NOT EXISTS customer_addresses (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id {customer_id} NOT NULL,
    erpnext_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    title VARCHAR(255),
    address_type VARCHAR(255),
    line1 VARCHAR(255),
    line2 VARCHAR(255),
    city VARCHAR(255),
    county VARCHAR(255),
    state VARCHAR(255),
    postal_code VARCHAR(255),
    country VARCHAR(255),
    phone VARCHAR(255),
    email VARCHAR(255),
    is_primary BOOLEAN NOT NULL DEFAULT FALSE,
    is_shipping BOOLEAN NOT NULL DEFAULT FALSE,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY customer_addresses_of_customer (customer_id, erpnext_id),
    KEY customer_addresses_erpnext_id (erpnext_id),
    CONSTRAINT customer_addresses_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS customer_contacts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id {customer_id} NOT NULL,
    erpnext_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    first_name VARCHAR(255),
    last_name VARCHAR(255),
    full_name VARCHAR(255),
    designation VARCHAR(255),
    email VARCHAR(255),
    phone VARCHAR(255),
    mobile VARCHAR(255),
    emails JSON NOT NULL DEFAULT '[]',
    phones JSON NOT NULL DEFAULT '[]',
    is_primary BOOLEAN NOT NULL DEFAULT FALSE,
    created_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    UNIQUE KEY customer_contacts_of_customer (customer_id, erpnext_id),
    KEY customer_contacts_erpnext_id (erpnext_id),
    CONSTRAINT customer_contacts_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- `seq` grows in the order of commits. Not tied to `customers`, so that history outlives a row.
CREATE TABLE IF NOT EXISTS customer_changes (
    seq BIGINT NOT NULL PRIMARY KEY,
    customer_id BIGINT NOT NULL,
    kind VARCHAR(16) NOT NULL,
    cause VARCHAR(16) NOT NULL,
    delivery_id VARCHAR(36),
    changed_at DATETIME(3) NOT NULL,
    changes JSON NOT NULL,
    KEY customer_changes_of_customer (customer_id, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
