"""Why a result is bad: tests that each rule one cause in or out, and one verdict."""
