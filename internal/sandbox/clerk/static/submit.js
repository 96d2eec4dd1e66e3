// The form has a button for browsers without scripts; the others need not press it.
document.getElementById("handover").submit();
