// The audit trail as people and programs are shown it.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "engine/audit.h"

namespace rbk::cli {

/// For programs that want to know: the payload as an object.
boost::json::object audit_json(const engine::AuditRow& row);
/// For programs that check: the payload as the text that was hashed, and all hashes.
boost::json::object audit_export_json(const engine::AuditRow& row);
std::string audit_table(const std::vector<engine::AuditRow>& rows);

boost::json::object audit_check_json(const engine::AuditCheck& check);
std::string audit_check_text(const engine::AuditCheck& check);

}  // namespace rbk::cli
