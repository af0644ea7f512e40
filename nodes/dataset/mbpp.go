package dataset

// MBPP (Austin et al. 2021), the subset that was checked by hand, and MBPP+ as it is on
// the Hugging Face hub: one program a problem, with inputs and results.

var mbpp = published{
	format: "mbpp", mbpp: true,
	fields: []string{"task_id", "text", "code", "test_list"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "text", "tests": "test_list", "setup": "test_setup_code", "reference": "code",
	},
}

var mbppSanitized = published{
	format: "mbpp_sanitized", mbpp: true,
	fields: []string{"task_id", "prompt", "code", "test_list"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "prompt", "tests": "test_list", "setup": "test_imports", "reference": "code",
	},
}

var mbppPlus = published{
	format: "mbpp_plus", mbpp: true,
	fields: []string{"task_id", "prompt", "code", "test_list", "test"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "prompt", "tests": "test", "setup": "test_imports", "reference": "code",
	},
	meanings: map[string]meaning{"tests:test": textTest(formAsserts)},
}
